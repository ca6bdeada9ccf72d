"""Embeddings of whole views, computed once and kept on disk."""

import hashlib
import sys
from functools import partial
from typing import Any

import numpy as np

from gan_inversion.core.cache import cached_result
from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import cache_dir
from gan_inversion.data import Dataset
from gan_inversion.data.dataset import Images
from gan_inversion.metrics.attack import rejected
from gan_inversion.recognisers.base import Recogniser

PART = 2048  # images in each cache file; an interrupted run embeds at most so many again


SHOWN = 512  # images after which the bar moves


def embed_cached(recogniser: Recogniser, images: Images, *, key: str) -> np.ndarray:
    """Embed a whole view once and keep the result on disk.

    Args:
        recogniser: the recogniser, whose digest is part of the file name.
        images: uint8 (N, 160, 160, 3).
        key: names the images, e.g. `<data digest>-aligned-bilinear`.

    Returns:
        float32 (N, D).
    """
    folder = cache_dir() / "embeddings"
    parts = []
    with progress(total=len(images), unit="image", desc=f"embeddings by {recogniser.name}") as bar:
        for start in range(0, len(images), PART):
            stop = min(start + PART, len(images))
            name = f"{recogniser.name}-{recogniser.digest[:16]}-{recogniser.precision}-{key}"
            path = folder / f"{name}-{start}-{stop}.npy"
            embed = partial(_embed_part, recogniser, images, range(start, stop), bar)
            parts.append(cached_result(path, stop - start, embed))
            bar.update(stop - bar.n)
    return np.concatenate(parts)


def embed_unnamed(recogniser: Recogniser, images: Images, *, kind: str) -> np.ndarray:
    """Embed images that only their content names, and keep the result; else as `embed_cached`."""
    content = hashlib.sha256()
    for start in range(0, len(images), SHOWN):
        content.update(np.ascontiguousarray(images[start : start + SHOWN]).data)
    return embed_cached(recogniser, images, key=f"{kind}-{content.hexdigest()[:16]}")


def _embed_part(recogniser: Recogniser, images: Images, part: range, bar: Any) -> np.ndarray:
    blocks = []
    for start in range(part.start, part.stop, SHOWN):
        stop = min(start + SHOWN, part.stop)
        blocks.append(recogniser.embed(images[start:stop]))
        bar.update(stop - start)
    return np.concatenate(blocks)


def embed_view(recogniser: Recogniser, dataset: Dataset, *, view: str, resample: str) -> np.ndarray:
    """Embeddings of a whole dataset, cached: float32 (N, D), NaN in rows of rejected images.

    Raises:
        UserError: the recogniser rejects every image.
    """
    images = dataset.view(view, resample=resample)
    key = f"{dataset.digest[:16]}-{view}-{resample}"
    embeddings = embed_cached(recogniser, images, key=key)
    missing = np.flatnonzero(rejected(embeddings))
    if len(missing) == len(images):
        raise UserError(f"{recogniser.name} rejects all {len(images)} real images")
    if len(missing):
        print(
            f"{recogniser.name} rejects {len(missing)} of {len(images)} real images, "
            f"{dataset.files[missing[0]]} first",
            file=sys.stderr,
        )
    return embeddings
