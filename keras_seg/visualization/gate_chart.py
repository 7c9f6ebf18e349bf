from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from keras_seg.visualization.heat_maps import require_arrays, show_heat
from keras_seg.visualization.image_axes import (
    extent_of,
    panel_height,
    plain_axes,
    require_image,
    show_image,
)

_WIDTH = 3.2  # inches: width of a panel
_TEXT_HEIGHT = 1.1  # inches: height of a title and a scale


def gate_chart(
    gates: Mapping[str, np.ndarray], image: np.ndarray | None = None
) -> Figure:
    """Draws the gates of strip pooling over an image.

    Each layer has two maps: above, the mean of the gates of all channels; below, the
    gate of the channel with the largest standard deviation over the image. Strips are
    visible in both, since a gate is a function of the means of a row and of a column.
    Each map has its own color scale.

    Args:
        gates: dict `{name: gates}`, arrays `(rows, columns, channels)` in 0..1, as
            `gate_model` returns them for one image. Layers may differ in size and
            channels.
        image: array `(height, width, 3)`, RGB in 0..255, shown on the left, or None.

    Returns:
        matplotlib `Figure`. `figure.savefig("a.png")` writes it to a file.

    Raises:
        ValueError: If `gates` is empty or no dict, if one of its arrays or `image` has
            another shape, or if gates are outside of 0..1.

    Example:
        ```python
        gates = np.random.default_rng(0).uniform(size=(45, 60, 64))
        figure = gate_chart({"gate1": gates})
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.1.
    """
    require_arrays("gates", gates)
    checked = {name: _check(name, values) for name, values in gates.items()}
    first = next(iter(checked.values()))
    sides = first.shape[:2]
    if image is not None:
        image = require_image(image)
        sides = image.shape[:2]
    columns = len(checked) + (image is not None)
    height = 2 * (panel_height(_WIDTH, sides) + _TEXT_HEIGHT)
    figure = Figure((_WIDTH * columns, height), layout="constrained")
    grid = figure.subplots(2, columns, squeeze=False)
    if image is not None:
        show_image(grid[0, 0], image, "image")
        grid[1, 0].set_axis_off()
    pairs = grid.T[columns - len(checked) :]
    for (above, below), (name, values) in zip(pairs, checked.items(), strict=True):
        channels = values.shape[2]
        mean = values.mean(axis=2)
        _draw_map(above, mean, sides, f"{name}\nmean of {channels} channels")
        channel = values.std(axis=(0, 1)).argmax()
        _draw_map(below, values[..., channel], sides, f"{name}\nchannel {channel}")
    return figure


def _check(name, gates):
    """Returns the gates as float64 (rows, columns, channels)."""
    array = np.asarray(gates, "float64")
    if array.ndim != 3 or not array.size:
        raise ValueError(
            "`gates` must hold arrays (rows, columns, channels), those of one image. "
            f"Received for {name!r} the shape {array.shape}"
        )
    if not (array.min() >= 0 and array.max() <= 1):  # false for nan too
        raise ValueError(
            f"`gates` must hold values in 0..1. Received for {name!r} values in "
            f"{array.min()}..{array.max()}"
        )
    return array


def _draw_map(axes, values, sides, title):
    limits = values.min(), values.max()
    show_heat(axes, values, limits, extent_of(sides), interpolation="nearest")
    plain_axes(axes, title)
