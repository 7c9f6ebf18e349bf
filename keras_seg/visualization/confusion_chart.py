import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_seg.visualization.heat import draw_scale, heat
from keras_seg.visualization.legend import BACKGROUND, INK

_TITLE = "what each row's class was predicted as, in percent of its pixels"
_MARGIN = 8
_FONT_SIZE = 15
_NUMBER_SIZE = 11  # of the percentages in the cells
_WIDE, _NARROW = 36, 17  # of a cell, with and without its percentage
_MAX_NUMBERS = 40  # classes above which cells have none
_SCALE_WIDTH = 168
_PALE = (236, 236, 236)
_LIGHT = 0.6  # shares above this are light: their numbers are dark


def confusion_chart(confusion, class_names):
    """Draws a confusion matrix, each row as the shares of that class's pixels.

    A row is a class of the labels, and a cell the share of its pixels that was
    predicted as the column's class: the diagonal is the accuracy of the class. Rows of
    classes without pixels are pale. Up to 40 classes, cells from half a percent on have
    their percentage.

    Args:
        confusion: integer array `(num_classes, num_classes)`, or with a last column
            more of predictions that are no class, as `evaluate` and
            `confusion_matrix` give it.
        class_names: sequence of str, one for each class.

    Returns:
        uint8 array `(height, width, 3)`. `PIL.Image.fromarray(result).save("a.png")`
        writes it to a file.

    Raises:
        ValueError: If the shape is another, there is not a name for each class, or a
            count is negative.

    Example:

    ```python
    result = evaluate(model, batches, names)
    chart = confusion_chart(result["confusion_matrix"], names)
    ```
    """
    confusion = np.asarray(confusion)
    if confusion.ndim != 2 or not 0 <= confusion.shape[1] - len(confusion) <= 1:
        raise ValueError(
            "`confusion` must be (num_classes, num_classes), or have one column more. "
            f"Received the shape {confusion.shape}"
        )
    if len(class_names) != len(confusion):
        raise ValueError(
            "`class_names` must have a name for each class. Received: "
            f"{len(class_names)} names for {len(confusion)} classes"
        )
    if confusion.min(initial=0) < 0:
        raise ValueError(
            f"`confusion` must hold counts. Received: {confusion.min()} among them"
        )
    columns = [*class_names, "no class"][: confusion.shape[1]]
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)

    font = ImageFont.load_default(size=_FONT_SIZE)
    has_numbers = len(confusion) <= _MAX_NUMBERS
    cell = _WIDE if has_numbers else _NARROW
    body = _draw_cells(shares, totals[:, 0] > 0, cell, has_numbers)
    left = _MARGIN + _text_width(class_names, font) + _MARGIN
    top = _MARGIN + 2 * _FONT_SIZE + _text_width(columns, font) + _MARGIN
    scale = draw_scale(_SCALE_WIDTH, 0, 1, font)
    right = max(body.width, scale.width, math.ceil(font.getlength(_TITLE)))
    size = (left + right + _MARGIN, top + body.height + scale.height + 2 * _MARGIN)
    picture = Image.new("RGB", size, BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw.text((left, _MARGIN), _TITLE, INK, font, "la")
    for index, name in enumerate(class_names):
        middle = top + index * cell + cell // 2
        draw.text((left - _MARGIN, middle), name, INK, font, "rm")
    for index, name in enumerate(columns):
        upright = _upright(name, font)
        middle = left + index * cell + (cell - upright.width) // 2
        picture.paste(upright, (middle, top - _MARGIN - upright.height))
    picture.paste(body, (left, top))
    picture.paste(scale, (left, top + body.height + _MARGIN))
    return np.array(picture)


def _draw_cells(shares, has_pixels, cell, has_numbers):
    """The matrix itself."""
    colors = heat(shares)
    colors[~has_pixels] = _PALE
    picture = Image.fromarray(colors.repeat(cell, axis=0).repeat(cell, axis=1))
    draw = ImageDraw.Draw(picture)
    # Lines between the cells, which nearly all are dark.
    for x in range(cell, picture.width, cell):
        draw.line((x, 0, x, picture.height), BACKGROUND)
    for y in range(cell, picture.height, cell):
        draw.line((0, y, picture.width, y), BACKGROUND)
    if has_numbers:
        font = ImageFont.load_default(size=_NUMBER_SIZE)
        for row, column in np.argwhere(shares >= 0.005).tolist():
            share = shares[row, column]
            middle = column * cell + cell // 2, row * cell + cell // 2
            color = INK if share > _LIGHT else BACKGROUND
            draw.text(middle, f"{100 * share:.0f}", color, font, "mm")
    return picture


def _upright(name, font):
    """A name written from below to above."""
    height = int(font.size) + 3
    line = Image.new("RGB", (math.ceil(font.getlength(name)), height), BACKGROUND)
    ImageDraw.Draw(line).text((0, height // 2), name, INK, font, "lm")
    return line.transpose(Image.Transpose.ROTATE_90)


def _text_width(names, font):
    return math.ceil(max(map(font.getlength, names)))
