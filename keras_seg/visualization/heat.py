"""The colours of heat maps, their scales, and values at the size of a picture."""

import numpy as np
from PIL import Image, ImageDraw

from keras_seg.visualization.legend import BACKGROUND, INK

_BAR_HEIGHT, _GAP = 12, 3  # of a scale, and between it and its numbers
_LEAST_RANGE = 1e-6  # smaller differences come from rounding
_COLORS = (  # from low to high, in nearly equal steps of lightness
    (12, 16, 48),
    (70, 40, 130),
    (175, 70, 125),
    (240, 130, 80),
    (255, 235, 170),
)


def heat(values, low=0.0, high=1.0):
    """Gives each value a colour, dark at `low` and light at `high`.

    Args:
        values: float array `(...)` in `low`..`high`.
        low: float.
        high: float. Where it equals `low`, but for rounding, all is dark.

    Returns:
        uint8 array `(..., 3)`, RGB.

    Example: `heat(np.array([0, 1]))` is `[[12, 16, 48], [255, 235, 170]]`.
    """
    values = (values - low) / max(high - low, _LEAST_RANGE)
    anchors = np.linspace(0, 1, len(_COLORS))
    channels = [np.interp(values, anchors, channel) for channel in np.array(_COLORS).T]
    return np.stack(channels, axis=-1).round().astype("uint8")


def resample(array, length):
    """Enlarges the first axis by repetition, or reduces it by averaging.

    Args:
        array: float array `(given, columns)`.
        length: int.

    Returns:
        Array `(length, columns)`.

    Example: `resample(np.array([[0], [2], [4], [6]]), 2)` is `[[1], [5]]`.
    """
    given = len(array)
    if given <= length:
        return array[np.arange(length) * given // length]
    starts = np.arange(length) * given // length
    sums = np.add.reduceat(array, starts, axis=0)
    return sums / np.diff(starts, append=given)[:, None]


def draw_scale(width, low, high, font):
    """Draws the colours from `low` to `high`, with the two numbers below.

    Args:
        width: int, in pixels.
        low: float.
        high: float.
        font: A Pillow font.

    Returns:
        `PIL.Image.Image`, `width` pixels wide.

    Example: `draw_scale(168, 0.0, 1.0, font).height` is the space to leave below a map.
    """
    ramp = heat(np.tile(np.linspace(0, 1, width), (_BAR_HEIGHT, 1)))
    below = _BAR_HEIGHT + _GAP
    scale = Image.new("RGB", (width, below + int(font.size) + 1), BACKGROUND)
    scale.paste(Image.fromarray(ramp))
    draw = ImageDraw.Draw(scale)
    draw.text((0, below), f"{low:.3f}", fill=INK, font=font, anchor="la")
    draw.text((width, below), f"{high:.3f}", fill=INK, font=font, anchor="ra")
    return scale
