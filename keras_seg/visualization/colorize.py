from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def colorize(
    labels: ArrayLike, palette: ArrayLike, ignore_color: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Paints each pixel in the color of its class.

    Args:
        labels: integer array `(height, width)` or `(batch, height, width)`.
        palette: uint8 array `(num_classes, 3)`, RGB.
        ignore_color: RGB in 0..255 for labels outside of the palette, such as the
            ignored 255.

    Returns:
        uint8 array `(height, width, 3)` or `(batch, height, width, 3)`.

    Raises:
        ValueError: If `labels` are not integers or have another rank, or if the shape
            of `palette` is not `(num_classes, 3)`.

    Example:
        `colorize([[0, 1, 255]], [[255, 0, 0], [0, 0, 255]])` is a row of red, blue and
        black.
    """
    labels, palette = np.asarray(labels), np.asarray(palette)
    if labels.ndim not in (2, 3) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "`labels` must be integers (height, width) or (batch, height, width); for "
            "logits, take the argmax over the last axis. Received: "
            f"{labels.dtype} {labels.shape}"
        )
    if palette.ndim != 2 or palette.shape[1] != 3 or not len(palette):
        raise ValueError(
            "`palette` must be an array (num_classes, 3). Received the shape "
            f"{palette.shape}"
        )
    colors = np.concatenate([palette, [ignore_color]]).astype("uint8")
    is_class = (labels >= 0) & (labels < len(palette))
    return colors[np.where(is_class, labels, len(palette))]
