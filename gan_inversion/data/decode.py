"""Decodes image files of the formats `FORMATS` to RGB arrays, with errors that name the file."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gan_inversion.core.errors import UserError, one_line
from gan_inversion.core.storage import read_file

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA")
# Largest values of a pixel, by the bits that cameras and scanners use: 8, 12, and 16.
RANGES = (255, 4095, 65_535)
PIXELS = 120_000_000  # of the largest image decoded: 360 MB; telephones take smaller ones


def read_image(path: Path, name: str) -> np.ndarray:
    """Read and decode an image file.

    Args:
        path: of the file.
        name: what to call it in an error.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        UserError: the path is no regular file, or the file is too large or no image.
    """
    return decode_image(read_file(path, name), name)


def is_image_name(path: Path) -> bool:
    """Whether a file's name ends as one of `FORMATS` may; two pictures of a telephone end in .mpo.

    The content of a file decides how it is read: this is for names of files that are not read.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    return kind in (*FORMATS, "MPO")


def decode_image(data: bytes, name: str, *, size: tuple[int, int] | None = None) -> np.ndarray:
    """Decode an image: grey and CMYK become RGB, transparency becomes white.

    Values of more than 8 bits are divided by the largest of their range, which is that of 8, 12, 16
    or 32 bits, whichever holds them; for real numbers it may also be 1.

    Args:
        data: content of a file in one of `FORMATS`.
        name: what to call it in an error.
        size: width and height that it must have, if any will not do.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        UserError: format or size are others, or the image is damaged, too large, or has frames.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # bounded below
            with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
                width, height = opened.size
                if size is not None and size != (width, height):
                    raise UserError(
                        f"{name}: expected {size[0]}x{size[1]} pixels, got {width}x{height}"
                    )
                if width * height > PIXELS:
                    raise UserError(f"{name} has {width}x{height} pixels, more than {PIXELS:,}")
                # Telephones store previews behind a JPEG, which is then called MPO.
                if (frames := getattr(opened, "n_frames", 1)) > 1 and opened.format != "MPO":
                    raise UserError(f"{name} has {frames} frames, not one")
                # Telephones store photos unrotated, with the rotation in EXIF.
                return _rgb(ImageOps.exif_transpose(opened))
    except UserError:
        raise
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise UserError(f"{name} is not a readable image: {_reason(error)}") from error


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith(("I", "F")):  # for which Pillow has no conversion
        image = Image.fromarray(_eight_bits(np.asarray(image).astype("float64"), image.mode))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ValueError("expected finite pixels, got others")
    ranges = (1, *RANGES) if mode == "F" else RANGES
    largest = next((top for top in ranges if values.max() <= top), 2**31 - 1)
    return np.rint(values.clip(0, largest) * (255 / largest)).astype("uint8")


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"none of the formats {', '.join(FORMATS)}"
    return one_line(error)


def printable(name: str) -> str:
    """A file's name as text that any file can hold; bytes that are not UTF-8 are escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
