import numpy as np
from numpy.typing import ArrayLike

from keras_seg.positive_integer import require_positive_integer


def default_palette(num_classes: int) -> np.ndarray:
    """Returns distinct colors for classes without a palette.

    The colors are chosen one after the other from a grid in RGB, each as far as
    possible from the previous ones and from black, which marks ignored pixels. The
    result depends on `num_classes` alone.

    Args:
        num_classes: int. Number of colors.

    Returns:
        uint8 array `(num_classes, 3)`, RGB.

    Raises:
        ValueError: If `num_classes` is not a positive integer.

    Example:
        `default_palette(2)` returns `[[255, 255, 255], [0, 109, 255]]`.
    """
    num_classes = require_positive_integer("num_classes", num_classes)
    steps = 8  # 512 candidates, or more for more classes
    while steps**3 <= num_classes:
        steps += 1
    levels = np.linspace(0, 255, steps).round()
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    candidates = grid.reshape(-1, 3)
    nearest = np.sum(candidates**2, axis=1)  # squared distance to black
    chosen = []
    for _ in range(num_classes):
        farthest = int(np.argmax(nearest))
        chosen.append(candidates[farthest])
        distance = np.sum((candidates - candidates[farthest]) ** 2, axis=1)
        nearest = np.minimum(nearest, distance)
    return np.array(chosen, dtype="uint8")


def require_palette(palette: ArrayLike) -> np.ndarray:
    """Returns a palette as a uint8 array `(num_classes, 3)`.

    Raises:
        ValueError: If it has another shape, or is not integers in 0..255, such as
            matplotlib's colors in 0..1.
    """
    try:
        array = np.asarray(palette)
    except ValueError:  # rows of different lengths
        array = np.asarray(palette, dtype=object)
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise ValueError(
            "`palette` must be an array (num_classes, 3). Received the shape "
            f"{array.shape}"
        )
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 255:
        raise ValueError(
            "`palette` must be integers in 0..255. Received: "
            f"{array.dtype} in {array.min()}..{array.max()}"
        )
    return array.astype("uint8")
