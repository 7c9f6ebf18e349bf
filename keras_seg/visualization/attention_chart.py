from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from keras_seg.visualization.heat_maps import reduced, require_arrays, show_heat
from keras_seg.visualization.image_axes import require_image, show_image

_HEIGHT, _WIDTH = 4.2, 2.2  # inches: height of the figure, least width of a heat map
_CHARACTER = 0.09  # inches: width of a character
_IMAGE_HEIGHT = 2.7  # inches
_WIDEST = 6  # inches: largest width of an image
_MOST_CHANNELS = 400  # columns of a heat map
_AXIS = "from left to right: channels,\nsorted by the height of their center of mass"


def attention_chart(
    attention: Mapping[str, np.ndarray], image: np.ndarray | None = None
) -> Figure:
    """Draws the weights of height-driven attention for each row and channel.

    Each attention layer has one heat map: image height from top to bottom, channels
    from left to right. Channels are sorted by the height of the center of mass of their
    weights above their own minimum, so that channels with a preference for the top of
    the image come first. More than 400 channels are averaged with their neighbors.

    Each heat map has its own color scale, from the smallest to the largest drawn
    value, because layers differ in contrast: the same color can stand for different
    weights in two maps. The range of the scale is below the heat map; the range of all
    weights, before averaging, is above it.

    Args:
        attention: dict `{name: weights}`, arrays `(rows, channels)` or
            `(rows, 1, channels)` in 0..1. Layers may differ in rows and channels.
        image: array `(height, width, 3)`, RGB in 0..255, shown on the left, or None.

    Returns:
        matplotlib `Figure`. `figure.savefig("a.png")` writes it to a file.

    Raises:
        ValueError: If `attention` is empty or no dict, if one of its arrays or `image`
            has another shape, or if weights are outside of 0..1.

    Example:
        ```python
        weights = np.random.default_rng(0).uniform(size=(45, 256))
        figure = attention_chart({"attention1": weights})
        ```

    References:
        [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 3.1.
    """
    require_arrays("attention", attention)
    checked = {name: _check(name, weights) for name, weights in attention.items()}
    widths = [max(_WIDTH, _CHARACTER * len(str(name))) for name in checked]
    if image is not None:
        image = require_image(image)
        height, width = image.shape[:2]
        widths = [min(max(_IMAGE_HEIGHT * width / height, _WIDTH), _WIDEST), *widths]
    figure = Figure((sum(widths) + 1, _HEIGHT), layout="constrained")
    panels = figure.subplots(1, len(widths), width_ratios=widths, squeeze=False)[0]
    maps = panels[-len(checked) :]
    if image is not None:
        show_image(panels[0], image, "image")
    for axes, (name, weights) in zip(maps, checked.items(), strict=True):
        _draw_map(axes, name, weights)
    for axes in maps[1:]:
        axes.set_yticklabels([])
    figure.supxlabel(_AXIS, fontsize="small")
    return figure


def _check(name, weights):
    """Returns the weights as float64 (rows, channels)."""
    array = np.asarray(weights, "float64")
    if array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 2 or not array.size:
        raise ValueError(
            "`attention` must hold arrays (rows, channels) or (rows, 1, channels), "
            f"those of one image. Received for {name!r} the shape "
            f"{np.shape(weights)}"
        )
    if not (array.min() >= 0 and array.max() <= 1):  # false for nan too
        raise ValueError(
            f"`attention` must hold weights in 0..1. Received for {name!r} values in "
            f"{array.min()}..{array.max()}"
        )
    return array


def _draw_map(axes, name, weights):
    """Draws one heat map; the vertical axis runs from 0 at the top to 1."""
    channels = weights.shape[1]
    values = reduced(weights[:, _by_height(weights)].T, _MOST_CHANNELS).T
    limits = values.min(), values.max()
    extent = 0, channels, 1, 0
    show_heat(axes, values, limits, extent, aspect="auto", interpolation="nearest")
    text = f"weights {weights.min():.3f} to {weights.max():.3f}"
    axes.set_title(
        f"{name}\n{channels} channels\n{text}", fontsize="small", parse_math=False
    )
    axes.set_xticks([])
    axes.set_yticks([0, 1], ["top", "bottom"])


def _by_height(weights):
    """Returns the order of the channels; those without contrast count as centered."""
    mass = weights - weights.min(axis=0)
    total = mass.sum(axis=0)
    rows = np.arange(len(weights))
    center = rows @ mass / np.where(total > 0, total, 1)
    return np.argsort(np.where(total > 0, center, rows.mean()), kind="stable")
