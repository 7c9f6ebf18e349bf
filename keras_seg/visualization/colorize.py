from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from keras_seg.data.palette import require_palette


def colorize(
    labels: ArrayLike, palette: ArrayLike, ignore_color: Sequence[int] = (0, 0, 0)
) -> np.ndarray:
    """Paints each pixel in the color of its class.

    Args:
        labels: integer array `(height, width)` or `(batch, height, width)`.
        palette: integer array `(num_classes, 3)`, RGB in 0..255.
        ignore_color: RGB in 0..255 for labels outside of the palette, such as the
            ignored 255.

    Returns:
        uint8 array `(height, width, 3)` or `(batch, height, width, 3)`.

    Raises:
        ValueError: If `labels` are not integers or have another rank, or if `palette`
            or `ignore_color` is not as above.

    Example:
        `colorize([[0, 1, 255]], [[255, 0, 0], [0, 0, 255]])` is a row of red, blue and
        black.
    """
    labels, known = np.asarray(labels), require_palette(palette)
    if labels.ndim not in (2, 3) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            "`labels` must be integers (height, width) or (batch, height, width); for "
            "logits, take the argmax over the last axis. Received: "
            f"{labels.dtype} {labels.shape}"
        )
    if np.shape(ignore_color) != (3,):
        raise ValueError(f"`ignore_color` must be RGB. Received: {ignore_color=}")
    colors = np.concatenate([known, [ignore_color]]).astype("uint8")
    is_class = (labels >= 0) & (labels < len(known))
    return colors[np.where(is_class, labels, len(known))]
