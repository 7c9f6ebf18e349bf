"""The panels of `prior_chart`: the image, two maps of all cells, and single rows."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from keras_seg.visualization.heat import draw_scale, heat, resample
from keras_seg.visualization.legend import BACKGROUND, INK, draw_legend

_MARGIN = 8
_LINE = 19  # of text
_SIDE = 360  # of the maps, and the greatest height of an image
_WIDTH = 480  # the greatest of an image
_SCALE_WIDTH = 120  # the least, for the two numbers below it
_LEAST_RANGE = 0.01  # of the scale of a row, whose numbers have three digits
_TICK = 5
_RADIUS = 6  # of the ring around a point
_GREY, _PALE = (150, 150, 150), (222, 222, 222)
_DETAILS, _CONTRAST = 0.03, 0.7  # the details' greatest size, in widths of the image


def draw_image(image, points, font):
    """The image with its points, marked and numbered from 1.

    Args:
        image: `PIL.Image.Image`, RGB.
        points: list of (y, x), pixels of the image.
        font: A Pillow font.

    Returns:
        `PIL.Image.Image`, as all of these functions.
    """
    body = _fit(image, _WIDTH)
    draw = ImageDraw.Draw(body)
    for number, point in enumerate(points, 1):
        x, y = _mark(body, image, point)
        # Beside the ring, on the side where there is room.
        x, anchor = (x + 11, "lm") if x < body.width / 2 else (x - 11, "rm")
        y = max(min(y, body.height - _LINE // 2), _LINE // 2)
        outline = {"stroke_width": 2, "stroke_fill": INK}
        draw.text((x, y), str(number), "white", font, anchor, **outline)
    lines = ["image", f"{image.height} x {image.width} pixels"]
    return join([draw_text(lines, font), body], _MARGIN, axis=0)


def draw_prior(prior, classes, names, font):
    """The learned prior of all cells, on the scale from 0 to 1.

    Args:
        prior: float array `(N, N)` in 0..1.
        classes: integer array `(N,)`, -1 for ignored cells, to sort the cells by; or
            None.
        names: dict `{class: str}` for all of `classes`; or None.
        font: A Pillow font.
    """
    cells = len(prior)
    order = np.arange(cells) if classes is None else _by_class(classes)
    # Some rows at a time, since a sorted copy may be too large for the memory.
    shown = min(cells, _SIDE)
    chunks = np.split(order, np.arange(1, shown) * cells // shown)
    rows = [prior[chunk].mean(axis=0, dtype="float64")[order] for chunk in chunks]
    sorting = "row by row" if classes is None else "sorted by class"
    text = draw_text(["learned prior", f"{cells} x {cells} cells, {sorting}"], font)
    body = Image.fromarray(heat(_to_size(np.stack(rows), _SIDE, _SIDE)))
    panel = join([text, body, draw_scale(_SIDE, 0, 1, font)], _MARGIN, axis=0)
    if classes is None:
        return panel
    squares = []
    for index, name in names.items():
        ends = np.flatnonzero(classes[order] == index)[[0, -1]] + [0, 1]
        low, high = (ends * _SIDE // cells).tolist()
        # No square is named that is lower than a line.
        squares.append((low, high, name if high - low >= _LINE else ""))
    width = math.ceil(max(font.getlength(name) for *_, name in squares)) + 2 * _MARGIN
    labels = Image.new("RGB", (width, panel.height), BACKGROUND)
    draw, top = ImageDraw.Draw(labels), text.height + _MARGIN
    for low, high, name in squares:
        draw.line((width - _TICK, top + low, width, top + low), fill=_GREY)
        place = width - _MARGIN, top + (low + high) // 2
        draw.text(place, name, INK, font, "rm")
    return join([labels, panel], 0, axis=1)


def draw_ideal(classes, font):
    """The ideal affinity map: which cells share a class.

    Args:
        classes: integer array `(N,)`, -1 for ignored cells.
        font: A Pillow font.
    """
    classes = classes[_by_class(classes)]
    one_hot = classes[:, None] == np.unique(classes[classes >= 0])
    # The shares of the classes in the cells of a pixel; the rest of them is ignored.
    shares = resample(one_hot.astype("float64"), _SIDE)
    valid = np.outer(shares.sum(axis=1), shares.sum(axis=1))
    colors = heat(shares @ shares.T / np.where(valid > 0, valid, 1))
    colors = colors * valid[..., None] + np.array(_PALE) * (1 - valid[..., None])
    body = Image.fromarray(colors.round().astype("uint8"))
    text = draw_text(["ideal affinity map", "of the labels, sorted alike"], font)
    kinds = {"same class": heat(1.0), "different": heat(0.0)}
    if (classes < 0).any():
        kinds["ignored"] = _PALE
    legend = draw_legend(kinds.values(), kinds, _SIDE, font)
    return join([text, body, legend], _MARGIN, axis=0)


def draw_row(row, image, point, width, title, text, font):
    """A row of the prior, on a scale of its own, over the details of the image.

    Args:
        row: float array `(rows, columns)` of cells.
        image: `PIL.Image.Image`, RGB.
        point: (y, x), the pixel of the image that it belongs to.
        width: int. The greatest that the image may have here.
        title: str.
        text: str, to write below.
        font: A Pillow font.
    """
    body = _fit(image, min(width, _WIDTH))
    low = min(row.min(), 1 - _LEAST_RANGE)
    high = max(row.max(), low + _LEAST_RANGE)
    colors = heat(_to_size(row, body.height, body.width), low, high)
    # Of the image only the details, since bright areas would look like a high prior.
    grey = body.convert("L")
    smooth = grey.filter(ImageFilter.GaussianBlur(_DETAILS * body.width))
    details = np.asarray(grey, "float64") - np.asarray(smooth, "float64")
    mixed = colors + _CONTRAST * details[..., None]
    body = Image.fromarray(mixed.round().clip(0, 255).astype("uint8"))
    _mark(body, image, point)
    scale = draw_scale(max(body.width, _SCALE_WIDTH), low, high, font)
    parts = [draw_text([title], font), body, scale]
    parts += [draw_text([text], font)] if text else []
    return join(parts, _MARGIN, axis=0)


def draw_text(lines, font):
    """Lines of text."""
    width = math.ceil(max(map(font.getlength, lines)))
    picture = Image.new("RGB", (width, len(lines) * _LINE), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        draw.text((0, place * _LINE + _LINE // 2), line, INK, font, "lm")
    return picture


def join(pictures, gap, axis):
    """Puts pictures side by side, or with `axis=0` below each other."""
    lengths = [picture.size[1 - axis] + gap for picture in pictures]
    total = sum(lengths) - gap
    across = max(picture.size[axis] for picture in pictures)
    joined = Image.new("RGB", (across, total)[:: 1 - 2 * axis], BACKGROUND)
    for picture, end in zip(pictures, np.cumsum(lengths).tolist(), strict=True):
        start = end - gap - picture.size[1 - axis]
        joined.paste(picture, (0, start)[:: 1 - 2 * axis])
    return joined


def _by_class(classes):
    """The order of the cells that sorts them by class, ignored ones last."""
    return np.argsort(np.where(classes < 0, classes.max() + 1, classes), kind="stable")


def _to_size(array, height, width):
    return resample(resample(array, height).T, width).T


def _fit(image, width):
    """The image in its proportions, as large as there is room."""
    factor = min(width / image.width, _SIDE / image.height)
    size = (max(1, round(side * factor)) for side in image.size)
    return image.resize(tuple(size), Image.Resampling.BICUBIC)


def _mark(body, image, point):
    """Draws a ring around a point of the image; returns its (x, y) there."""
    y, x = point
    x = int((x + 0.5) * body.width / image.width)
    y = int((y + 0.5) * body.height / image.height)
    draw = ImageDraw.Draw(body)
    for radius, width, color in ((_RADIUS + 1, 4, INK), (_RADIUS, 2, "white")):
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, outline=color, width=width)
    return x, y
