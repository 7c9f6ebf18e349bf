import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_seg.visualization.heat import draw_scale, heat, resample
from keras_seg.visualization.legend import BACKGROUND, INK

_MARGIN = 8
_FONT_SIZE = 15
_LINE = _FONT_SIZE + 4
_PANEL_HEIGHT, _PANEL_WIDTH = 288, 168  # the width is a minimum
_AXIS = (
    "from left to right: channels, sorted by",
    "the height of their centre of mass",
)


def attention_chart(attention, image=None):
    """Draws the weights that height-driven attention gives to rows and channels.

    One heat map for each layer of attention: the height from top to bottom, as in the
    image beside it, and the channels from left to right. These are sorted by the height
    of the centre of mass of what exceeds their own minimum, so that channels which
    prefer the top of the image come first, and those that prefer the bottom last.
    Where there are more channels than pixels, neighbours are averaged.

    Each heat map has a colour scale of its own, from the least to the greatest of the
    values drawn, because layers differ in contrast: the same colour can stand for
    different weights in two of them. The range is below the heat map; the range of
    all weights, before averaging, is above it.

    Args:
        attention: dict `{name: weights}`, arrays `(rows, channels)` or
            `(rows, 1, channels)` in 0..1. Numbers of rows and channels may differ.
        image: `(height, width, 3)`, RGB in 0..255, to show on the left, or `None`.

    Returns:
        uint8 array `(height, width, 3)`. `PIL.Image.fromarray(result).save("a.png")`
        writes it to a file.

    Example:

    ```python
    weights = np.random.default_rng(0).uniform(size=(45, 256))
    chart = attention_chart({"attention1": weights})
    ```

    Raises:
        ValueError: If `attention` is empty, or an array of it or `image` has another
            shape, or weights are outside of 0..1.

    Reference: [Choi et al., 2020](https://arxiv.org/abs/2003.05128), section 3.1.
    """
    if not attention:
        raise ValueError("`attention` must hold an array or more. Received none.")
    checked = {name: _check(name, weights) for name, weights in attention.items()}
    font = ImageFont.load_default(size=_FONT_SIZE)
    top = 3 * _LINE + 2 * _MARGIN
    panels = [] if image is None else [_draw_image(image, top, font)]
    first_map = len(panels)
    panels += [_draw_panel(name, weights, font) for name, weights in checked.items()]
    label = int(font.getlength("bottom")) + 2 * _MARGIN
    lefts = label + np.cumsum([0] + [panel.width + 2 * _MARGIN for panel in panels])
    *lefts, width = map(int, lefts)

    axis, axis_left = " ".join(_AXIS), lefts[first_map]
    if axis_left + font.getlength(axis) > width:
        axis = "\n".join(_AXIS)
    axis_right = axis_left + max(map(font.getlength, axis.split("\n")))
    width = max(width, int(axis_right) + _MARGIN)
    body = panels[-1].height
    height = body + len(axis.split("\n")) * _LINE + 2 * _MARGIN
    picture = Image.new("RGB", (width, height), BACKGROUND)
    for left, panel in zip(lefts, panels, strict=True):
        picture.paste(panel, (left, 0))
    draw = ImageDraw.Draw(picture)
    draw.text((axis_left, body + _MARGIN), axis, fill=INK, font=font)
    right = label - _MARGIN
    bottom = top + _PANEL_HEIGHT
    draw.text((right, top), "top", fill=INK, font=font, anchor="ra")
    draw.text((right, bottom), "bottom", fill=INK, font=font, anchor="rd")
    return np.array(picture)


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


def _draw_image(image, top, font):
    """Returns the image at the height of the heat maps, with its title."""
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            "`image` must be one image (height, width, 3), or None. Received the "
            f"shape {image.shape}"
        )
    pixels = Image.fromarray(np.clip(np.round(image), 0, 255).astype("uint8"))
    width = max(1, round(pixels.width * _PANEL_HEIGHT / pixels.height))
    pixels = pixels.resize((width, _PANEL_HEIGHT), Image.Resampling.BICUBIC)
    title = int(font.getlength("image")) + 1
    panel = Image.new("RGB", (max(width, title), top + _PANEL_HEIGHT), BACKGROUND)
    place = (panel.width // 2, top - _MARGIN)
    ImageDraw.Draw(panel).text(place, "image", fill=INK, font=font, anchor="md")
    panel.paste(pixels, ((panel.width - width) // 2, top))
    return panel


def _draw_panel(name, weights, font):
    """Returns one heat map with its title above and its colour scale below."""
    rows, channels = weights.shape
    lines = (
        str(name),
        f"{channels} channels",
        f"weights {weights.min():.3f} to {weights.max():.3f}",
    )
    width = max(_PANEL_WIDTH, *(int(font.getlength(line)) + 1 for line in lines))
    values = resample(weights[:, _by_height(weights)].T, width).T
    values = resample(values, _PANEL_HEIGHT)
    low, high = values.min(), values.max()

    top = len(lines) * _LINE + 2 * _MARGIN
    bar = top + _PANEL_HEIGHT + _MARGIN
    scale = draw_scale(width, low, high, font)
    panel = Image.new("RGB", (width, bar + scale.height + _MARGIN), BACKGROUND)
    draw = ImageDraw.Draw(panel)
    for place, line in enumerate(lines):
        middle = _MARGIN + place * _LINE + _LINE // 2
        draw.text((width // 2, middle), line, fill=INK, font=font, anchor="mm")
    panel.paste(Image.fromarray(heat(values, low, high)), (0, top))
    panel.paste(scale, (0, bar))
    return panel


def _by_height(weights):
    """Returns the channels' order; those without any contrast count as centred."""
    mass = weights - weights.min(axis=0)
    total = mass.sum(axis=0)
    rows = np.arange(len(weights))
    center = rows @ mass / np.where(total > 0, total, 1)
    return np.argsort(np.where(total > 0, center, rows.mean()), kind="stable")
