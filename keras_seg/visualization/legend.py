"""Legend and common colors of pictures drawn with Pillow."""

import math

from PIL import Image, ImageDraw

BACKGROUND, INK = (255, 255, 255), (32, 32, 32)
_MARGIN = 8


def draw_legend(palette, class_names, width, font):
    """Draws a legend of colors and names, in as many rows as needed.

    Args:
        palette: sequence of RGB colors in 0..255.
        class_names: sequence of str, one for each color.
        width: int. The width to fill, in pixels; a long name may exceed it.
        font: a scalable Pillow font, whose size is also that of the swatches.

    Returns:
        `PIL.Image.Image`, at least `width` pixels wide.

    Example:
        `draw_legend(data.palette, data.class_names, 600, font).height` is the height of
        the legend in pixels.
    """
    swatch = int(font.size)
    entry = max(int(font.getlength(name)) for name in class_names)
    entry += swatch + 3 * _MARGIN
    per_row = max((width - _MARGIN) // entry, 1)
    rows = math.ceil(len(class_names) / per_row)
    pitch = swatch + _MARGIN
    size = max(width, entry + _MARGIN), rows * pitch + _MARGIN
    legend = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(legend)
    for index, (name, color) in enumerate(zip(class_names, palette, strict=True)):
        left = _MARGIN + index % per_row * entry
        top = _MARGIN // 2 + index // per_row * pitch
        box = (left, top, left + swatch, top + swatch)
        draw.rectangle(box, fill=tuple(map(int, color)), outline=INK)
        middle = left + swatch + _MARGIN, top + swatch // 2
        draw.text(middle, name, fill=INK, font=font, anchor="lm")
    return legend
