"""The dataset interface: named images, grouped by subject, seen through cached views.

A source (LFW, a folder, synthetic faces) lists its files and yields its frames; `Dataset` turns
them into uint8 arrays on disk that every run maps instead of loading.
"""

import mmap
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Protocol

import numpy as np

from gan_inversion.core.cache import cached_array
from gan_inversion.core.errors import UserError
from gan_inversion.core.progress import progress
from gan_inversion.core.storage import cache_dir
from gan_inversion.data.alignment import aligned_face, usual_face
from gan_inversion.data.pairs import Pairs
from gan_inversion.data.views import ALIGNED, OF_TEMPLATE, SIZE, render
from gan_inversion.data.weights import YUNET


class Images(Protocol):
    """Images that are read by batch: an array, a memory map or a `data.Subset`."""

    shape: tuple[int, ...]

    def __len__(self) -> int: ...

    def __getitem__(self, key: Any, /) -> np.ndarray: ...


class Dataset(ABC):
    """Images of subjects.

    Attributes:
        name: short name for records and file names, e.g. `lfw`.
        digest: SHA-256 that names the content.
        files: N relative paths, sorted bytewise; `subject/image`.
        subjects: (N,) array of str, the subject of each image.
        pairs: the data set's own verification pairs, if it has some.
        duplicates: pairs of images that are known to be nearly the same photograph, int (P, 2);
            None if nobody looked.
        anonymous: whether nobody knows which images show one subject, but for the pairs.
    """

    name: str
    digest: str
    files: list[str]
    pairs: Pairs | None = None
    duplicates: np.ndarray | None = None
    anonymous: bool = False

    @property
    def subjects(self) -> np.ndarray:
        return np.array([file.split("/")[0] for file in self.files])

    def __len__(self) -> int:
        return len(self.files)

    @abstractmethod
    def frames(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (index into `files`, uint8 (250, 250, 3)) for every image, in any order."""

    def view(self, view: str, *, resample: str = "bilinear") -> np.ndarray:
        """All images through one view: uint8 (N, S, S, 3), read-only, memory-mapped.

        The first call decodes and caches (LFW: about 1 GB); later calls only map the file. S is
        160, or 112 where faces are moved to the template. An image without a face is then black.

        Args:
            view: a key of `views.VIEWS`, or one of `views.OF_TEMPLATE`.
            resample: a key of `views.FILTERS`; views of the template know `bilinear` only.
        """
        of_template = view in OF_TEMPLATE
        cut = usual_face if view == "fixed112" else aligned_face
        if of_template:
            if cut is aligned_face:
                YUNET.verified()  # before anything is decoded
            if resample != "bilinear":
                raise UserError(f"the view {view} is made with bilinear, not with {resample}")
        side = ALIGNED if of_template else SIZE
        name = f"{self.name}-{self.digest[:16]}-{view}-{resample}.npy"

        def fill(images: np.ndarray) -> None:
            def one(item: tuple[int, np.ndarray]) -> None:
                if not of_template:
                    images[item[0]] = render(item[1], view=view, resample=resample)
                elif (face := cut(item[1])) is not None:
                    images[item[0]] = face

            frames = self.frames()
            with (
                ThreadPoolExecutor() as pool,  # Pillow resizes outside the interpreter lock
                progress(total=len(self), desc=f"{self.name} {view}", unit="image") as bar,
            ):
                while block := list(islice(frames, 256)):
                    list(pool.map(one, block))
                    bar.update(len(block))

        shape = (len(self), side, side, 3)
        return cached_array(cache_dir() / "views" / name, shape, "uint8", fill)


class Subset:
    """Chosen images of an array, in a given order, read only when they are indexed.

    Indexing a memory map with an index array copies those images to memory; this postpones that
    to the batch that needs them, and then gives the mapped pages back (the system keeps them in its
    cache), so that a pass over LFW does not leave 1 GB resident.

    Args:
        images: (N, ...) array, usually a memory map, or a subset of one.
        indices: (M,) integers into it.
    """

    def __init__(self, images: "np.ndarray | Subset", indices: np.ndarray):
        self.images = images
        self.indices = np.asarray(indices)
        self.shape: tuple[int, ...] = (len(self.indices), *images.shape[1:])
        self.dtype: np.dtype = images.dtype

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, key: slice | np.ndarray) -> np.ndarray:
        chosen = self.images[self.indices[key]]
        pages = getattr(self.images, "_mmap", None)
        if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)
        return np.asarray(chosen)
