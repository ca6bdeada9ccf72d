"""How far a set of reconstructions is from a set of real images; no loss term uses these.

Sliced Wasserstein distance on Laplacian-pyramid patches (Karras et al., ICLR 2018, appendix A),
radial power spectrum (Durall et al., CVPR 2020), and kernel distance between descriptors
(Binkowski et al., ICLR 2018). Images are uint8 (N, S, S, 3), as a viewer would see them.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.ndimage import convolve1d

from gan_inversion.core.seeding import stream

PATCH = 7  # side, pixels
PATCHES = 128  # for each image
DIRECTIONS = 512
SMALLEST = 20  # side of the coarsest level
BINOMIAL = np.array([1, 4, 6, 4, 1], "float32") / 16
BLOCK = 64  # images, or directions, processed at once


def sliced_distances(real: np.ndarray, fake: np.ndarray, *, seed: int = 0) -> dict[int, np.ndarray]:
    """Wasserstein-1 distances along random directions, by pyramid level, times 1000.

    Patches of both sets are normalised per channel by mean and deviation of the real ones, so that
    lost contrast counts; Karras et al. normalise each set by its own, which hides half of a blur.

    Args:
        real: uint8 (N, S, S, 3).
        fake: uint8 (M, S, S, 3); the larger set is sampled down to the size of the smaller.
        seed: for the choice of images, patches and directions.

    Returns:
        Side of the level in pixels -> float32 (DIRECTIONS,).
    """
    count = min(len(real), len(fake))
    distances = {}
    level, side = 0, real.shape[1]
    while side >= SMALLEST:
        first, second = (
            _patches(images, level, count, stream(seed, "swd", level, name))
            for name, images in (("real", real), ("fake", fake))
        )  # (P, 3, 7, 7)
        axes = (0, 2, 3)
        mean, deviation = first.mean(axes, keepdims=True), first.std(axes, keepdims=True)
        generator = stream(seed, "swd", level, "directions")
        directions = generator.standard_normal((first[0].size, DIRECTIONS)).astype("float32")
        directions /= np.linalg.norm(directions, axis=0)
        first, second = (
            ((patches - mean) / deviation).reshape(len(patches), -1) for patches in (first, second)
        )
        distances[side] = 1000 * _sorted_distances(first, second, directions)
        level, side = level + 1, side // 2
    return distances


def _sorted_distances(first: np.ndarray, second: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Wasserstein-1 distance between the projections on each direction, float32 (DIRECTIONS,)."""

    def block(start: int) -> np.ndarray:
        rows = directions[:, start : start + BLOCK].T
        projections = (np.sort(rows @ patches.T, axis=1) for patches in (first, second))
        return np.abs(np.subtract(*projections)).mean(axis=1, dtype="float64")

    with ThreadPoolExecutor() as pool:  # numpy sorts outside the interpreter lock
        blocks = pool.map(block, range(0, directions.shape[1], BLOCK))
        return np.concatenate(list(blocks)).astype("float32")


def _patches(
    images: np.ndarray, level: int, count: int, generator: np.random.Generator
) -> np.ndarray:
    """Random patches of one level of the Laplacian pyramid: float32 (count * PATCHES, 3, 7, 7)."""
    chosen = np.sort(generator.permutation(len(images))[:count])
    side = images.shape[1] >> level
    corners = generator.integers(side - PATCH + 1, size=(2, count, PATCHES))

    def block(start: int) -> np.ndarray:
        span = slice(start, start + BLOCK)
        planes = images[chosen[span]].transpose(0, 3, 1, 2).astype("float32", order="C")
        windows = np.lib.stride_tricks.sliding_window_view(
            _laplacian(planes, level), (PATCH, PATCH), axis=(2, 3)
        )
        row, column = corners[:, span]  # (B, PATCHES) each
        return windows[np.arange(len(planes))[:, None], :, row, column].reshape(-1, 3, PATCH, PATCH)

    with ThreadPoolExecutor() as pool:  # scipy filters outside the interpreter lock
        return np.concatenate(list(pool.map(block, range(0, count, BLOCK))))


def _laplacian(planes: np.ndarray, level: int) -> np.ndarray:
    """One level of the pyramid of float32 (N, 3, S, S); the coarsest is the low-pass remainder."""
    for _ in range(level):
        planes = _blur(planes)[..., ::2, ::2]
    if planes.shape[-1] // 2 < SMALLEST:
        return planes
    spread = np.zeros_like(planes)
    spread[..., ::2, ::2] = 4 * _blur(planes)[..., ::2, ::2]
    return planes - _blur(spread)


def _blur(planes: np.ndarray) -> np.ndarray:
    for axis in (-2, -1):
        planes = convolve1d(planes, BINOMIAL, axis=axis, mode="mirror")
    return planes


def power_spectrum(images: np.ndarray) -> np.ndarray:
    """Mean power of the luminance by radial frequency, in decibels.

    Args:
        images: uint8 (N, S, S, 3).

    Returns:
        float64 (S // 2,): frequencies from 1 to S // 2 cycles per image.
    """
    side = images.shape[1]
    frequency = np.fft.fftfreq(side, 1 / side)
    radius = np.rint(np.hypot(frequency[:, None], frequency[None, : side // 2 + 1])).astype(int)
    total = np.zeros(radius.shape)
    window = np.outer(*2 * [np.hanning(side)])  # otherwise the image's edges dominate
    for start in range(0, len(images), BLOCK):
        luminance = images[start : start + BLOCK] @ np.array([0.299, 0.587, 0.114])
        luminance = (luminance - luminance.mean(axis=(1, 2), keepdims=True)) * window
        total += np.square(np.abs(np.fft.rfft2(luminance))).sum(axis=0)
    rings = np.bincount(radius.ravel(), weights=total.ravel()) / np.bincount(radius.ravel())
    return 10 * np.log10(rings[1 : side // 2 + 1] / len(images) + 1e-12)


def kernel_terms(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What each pair of rows adds to the kernel distance of both sets (KID): their mean is it.

    The distance is the squared maximum mean discrepancy, unbiased, with the kernel
    (x.y / D + 1)^3. Rows of a pair (an original and its reconstruction) are not independent, and
    are not compared with each other: Gretton et al., JMLR 2012, equation 4.

    Args:
        first, second: float (N, D), descriptors; rows belong together.

    Returns:
        float32 (N,). Their mean may fall below 0 when both sets come from one distribution.
    """
    first, second = first.astype("float64"), second.astype("float64")
    count, dimension = first.shape
    terms = np.zeros(count)
    for left, right, sign in ((first, first, 1), (second, second, 1), (first, second, -2)):
        for start in range(0, count, BLOCK):
            kernel = (left[start : start + BLOCK] @ right.T / dimension + 1) ** 3
            own = kernel[np.arange(len(kernel)), start + np.arange(len(kernel))]
            terms[start : start + BLOCK] += sign * (kernel.sum(axis=1) - own)
    return (terms / (count - 1)).astype("float32")


def standardised(real: np.ndarray, fake: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors, float (N, D) and (M, D), scaled by mean and deviation of the real ones.

    The kernel adds a constant to a product of descriptors, whose size differs between feature
    spaces by orders of magnitude.
    """
    mean, deviation = real.mean(axis=0), np.maximum(real.std(axis=0), 1e-6)
    return (real - mean) / deviation, (fake - mean) / deviation
