"""Heat maps with color scales in the axes of a figure."""

from collections.abc import Mapping

import numpy as np

COLORS = "magma"  # perceptually uniform, from dark to light
PALE = (0.87, 0.87, 0.87)  # background where there are no values


def require_arrays(name, arrays):
    """Raises a `ValueError` unless an argument is a dict of at least one array."""
    if not isinstance(arrays, Mapping):
        raise ValueError(
            f"`{name}` must be a dict {{name: array}}. Received: "
            f"{type(arrays).__name__}"
        )
    if not arrays:
        raise ValueError(f"`{name}` must hold at least one array. Received none.")


def show_heat(
    axes, values, limits, extent=None, least_range=1e-6, labels=None, **options
):
    """Draws values as colors, with a horizontal color scale below.

    Args:
        axes: matplotlib `Axes`.
        values: float array `(rows, columns)`, masked where there are no values.
        limits: (low, high), the ends of the scale.
        extent: left, right, bottom and top of the map in the axes, or None for one unit
            per value.
        least_range: float. The smallest range of the scale; smaller differences are
            rounding errors.
        labels: pair of str for the ends of the scale, or None for the values.
        **options: options of `Axes.imshow`.

    Returns:
        matplotlib `AxesImage`, whose `get_array()` returns the values.
    """
    low, high = map(float, limits)
    high = max(high, low + least_range)
    image = axes.imshow(
        values, cmap=COLORS, vmin=low, vmax=high, extent=extent, **options
    )
    scale = axes.figure.colorbar(
        image, ax=axes, orientation="horizontal", shrink=0.9, aspect=30, pad=0.02
    )
    scale.set_ticks([low, high], labels=labels or [f"{low:.3f}", f"{high:.3f}"])
    return image


def reduced(array, length):
    """Averages neighbors along the first axis if it is longer than `length`.

    Args:
        array: float array `(given, columns)`.
        length: int. The largest length of the first axis.

    Returns:
        Array `(min(given, length), columns)`.

    Example:
        `reduced(np.array([[0], [2], [4], [6]]), 2)` is `[[1], [5]]`.
    """
    given = len(array)
    if given <= length:
        return array
    starts = np.arange(length) * given // length
    sums = np.add.reduceat(array, starts, axis=0)
    return sums / np.diff(starts, append=given)[:, None]
