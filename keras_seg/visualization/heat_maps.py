"""Heat maps in the axes of a figure, with their colour scales."""

import numpy as np

COLORS = "magma"  # dark for low values, light for high ones, even in lightness
PALE = (0.87, 0.87, 0.87)  # where there is nothing to show


def show_heat(
    axes, values, limits, extent=None, least_range=1e-6, labels=None, **options
):
    """Draws values as colours, with a horizontal scale below.

    Args:
        axes: matplotlib `Axes`.
        values: float array `(rows, columns)`, masked where there is nothing to show.
        limits: (low, high), the ends of the scale.
        extent: left, right, bottom and top of the map in the axes, or None for a unit
            a value.
        least_range: float. The least width of the scale: smaller differences come from
            rounding.
        labels: pair of str to write at the ends of the scale, or None for the values.
        **options: of `Axes.imshow`.

    Returns:
        matplotlib `AxesImage`, whose `get_array()` are the values.
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
    """Averages neighbours along the first axis where it is longer than `length`.

    Args:
        array: float array `(given, columns)`.
        length: int.

    Returns:
        Array `(min(given, length), columns)`.

    Example: `reduced(np.array([[0], [2], [4], [6]]), 2)` is `[[1], [5]]`.
    """
    given = len(array)
    if given <= length:
        return array
    starts = np.arange(length) * given // length
    sums = np.add.reduceat(array, starts, axis=0)
    return sums / np.diff(starts, append=given)[:, None]
