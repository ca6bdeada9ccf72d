"""Filters of rows and columns as two matrix products, which are fast on a CPU."""

from keras import ops


def filtered(pictures, rows, columns):
    """Filter or resample images.

    Args:
        pictures: (B, H, W, C).
        rows: weights (P, H), or (B, P, H) with a filter for each image.
        columns: weights (Q, W) or (B, Q, W).

    Returns:
        (B, P, Q, C).
    """
    for weights in (rows, columns):
        height, width, channels = pictures.shape[1:]
        flat = ops.matmul(weights, ops.reshape(pictures, (-1, height, width * channels)))
        shaped = ops.reshape(flat, (-1, weights.shape[-2], width, channels))
        pictures = ops.transpose(shaped, (0, 2, 1, 3))  # the other axis comes next
    return pictures
