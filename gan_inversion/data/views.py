"""Views: how a 250x250 LFW frame becomes the image that networks see.

`whole` is the frame, resized to 160x160 (what the reference thesis used); `aligned` is the central
140x140 crop, resized to 160x160. In a deep-funneled frame that crop holds the face. `aligned112` is
the face, moved by its landmarks to a template of 112x112 pixels (see `data.alignment`), as modern
recognisers take it; `fixed112` moves every image alike, without looking for landmarks.
"""

import numpy as np
from PIL import Image

from gan_inversion.core.errors import UserError

FRAME = 250  # side of an LFW frame, pixels
SIZE = 160  # side of the views that are crops, pixels
ALIGNED = 112  # side of the others, pixels
OF_TEMPLATE = ("aligned112", "fixed112")

VIEWS = {
    "whole": (0, 0, FRAME, FRAME),
    "aligned": (55, 55, 195, 195),
}  # crops: left, top, right, bottom in the frame

# Pillow's filters widen with the reduction factor (they low-pass before sampling); `area` is its
# box filter. Bilinear without that, as some libraries do it, is not offered.
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}


def render(frame: np.ndarray, *, view: str, resample: str = "bilinear") -> np.ndarray:
    """Cut a crop out of one frame, and resize it.

    Args:
        frame: uint8 (250, 250, 3).
        view: a key of `VIEWS`.
        resample: a key of `FILTERS`.

    Returns:
        uint8 (160, 160, 3).
    """
    if view not in VIEWS:
        known = ", ".join((*VIEWS, *OF_TEMPLATE))
        raise UserError(f"view must be one of {known}, not {view!r}")
    if resample not in FILTERS:
        raise UserError(f"resample must be one of {', '.join(FILTERS)}, not {resample!r}")
    image = Image.fromarray(frame)
    return np.asarray(image.resize((SIZE, SIZE), FILTERS[resample], box=VIEWS[view]))
