"""Points of an image, given by the user or chosen automatically."""

import numpy as np


def check_points(points, sides):
    """Returns the points as a list of [y, x].

    Args:
        points: sequence of (y, x), pixels of an image.
        sides: (height, width) of the image.

    Raises:
        ValueError: If the points are not pixels of the image.
    """
    array = np.asarray(points)
    is_pairs = array.ndim == 2 and array.shape[1] == 2 and array.size
    if (
        not (is_pairs and np.issubdtype(array.dtype, np.integer))
        or not ((array >= 0) & (array < sides)).all()
    ):
        raise ValueError(
            "`points` must hold one or more pixels (y, x) of the image, integers below "
            f"its (height, width), {sides}, or be None. Received: {points=}"
        )
    return array.tolist()


def points_of_classes(classes, size, sides, number):
    """Returns the innermost cell of each of the most frequent classes.

    Args:
        classes: integer array `(rows * columns,)` of the cells' classes, negative for
            ignored cells.
        size: (rows, columns) of the cells.
        sides: (height, width) of the image that the cells cover.
        number: int. The largest number of classes.

    Returns:
        List of [y, x], the pixels in the middle of the cells.

    Example:
        `points_of_classes(np.zeros(9, int), (3, 3), (6, 6), 4)` is `[[3, 3]]`.
    """
    counts = np.bincount(classes[classes >= 0])
    frequent = np.argsort(-counts, kind="stable")[
        : min(number, np.count_nonzero(counts))
    ]
    points = []
    for index in frequent:
        cell = _inmost(classes.reshape(size) == index)
        points.append(list(map(_middle, cell, size, sides)))
    return points


def _middle(cell, cells, pixels):
    """Returns the middle pixel of a cell along one axis."""
    first, end = (-(-n * pixels // cells) for n in (cell, cell + 1))
    return min((first + end) // 2, pixels - 1)


def _inmost(mask):
    """Returns the (row, column) in a mask that is farthest from its outside."""
    rows, columns = mask.shape
    while mask.any():
        last, padded = mask, np.pad(mask, 1)
        for row in range(3):
            for column in range(3):
                mask = mask & padded[row : row + rows, column : column + columns]
    places = np.argwhere(last)
    distances = np.abs(places - places.mean(axis=0)).sum(axis=1)
    return places[distances.argmin()].tolist()
