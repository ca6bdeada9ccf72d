"""Decoding of JPEG and PNG files to RGB arrays, with errors that name the file."""

import io

import numpy as np
from PIL import Image, ImageOps

from gan_inversion.errors import UserError


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Decode an encoded picture.

    Args:
        data: content of a JPEG or PNG file.
        name: what to call it in an error.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        UserError: not a JPEG or PNG, damaged, or not in colour.
    """
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as opened:
            image = ImageOps.exif_transpose(opened)  # telephones store photos lying on their side
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(
            f"{name} is not a readable JPEG or PNG picture: {_reason(error)}"
        ) from error
    if image.mode not in ("RGB", "RGBA", "P"):
        raise UserError(f"{name} must be an RGB picture, not mode {image.mode!r} (grey or CMYK)")
    return np.asarray(image.convert("RGB"))


def _reason(error: Exception) -> str:
    return "unknown format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
