import numpy as np
from numpy.typing import ArrayLike

from keras_seg.data.palette import require_palette


def colorize_masks(masks: ArrayLike, palette: ArrayLike) -> np.ndarray:
    """Paints each pixel in the mean color of its independent classes.

    Args:
        masks: integer array `(..., height, width, num_classes)`, 1 where a pixel has
            the class. Other values, such as 0 and the ignored 255, are not painted.
        palette: integer array `(num_classes, 3)`, RGB in 0..255.

    Returns:
        uint8 array `(..., height, width, 3)`, black where a pixel has no class.

    Raises:
        ValueError: If the shapes do not match, or if `palette` is not as above.

    Example:
        `colorize_masks([[[1, 0], [1, 1]]], [[200, 0, 0], [0, 0, 100]])` is a pixel of
        (200, 0, 0) and one of (100, 0, 50).
    """
    masks, colors = np.asarray(masks), require_palette(palette)
    if masks.ndim < 3 or colors.shape != (masks.shape[-1], 3):
        raise ValueError(
            "`masks` must be (height, width, classes), with a color for each class in "
            f"`palette`. Received: masks {masks.shape}, palette {colors.shape}"
        )
    present = masks == 1
    count = np.maximum(present.sum(axis=-1, keepdims=True), 1)
    return np.rint(present @ colors.astype("float32") / count).astype("uint8")
