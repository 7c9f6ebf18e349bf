"""The panels of `prior_chart`: the image and two maps of all cells."""

import math

import numpy as np
from PIL import Image, ImageDraw

from keras_seg.visualization.heat import draw_scale, heat, resample
from keras_seg.visualization.legend import BACKGROUND, INK, draw_legend
from keras_seg.visualization.panels import (
    LINE,
    MARGIN,
    SIDE,
    WIDTH,
    draw_text,
    fit,
    join,
    mark_points,
    to_size,
)

_TICK = 5
_GREY, _PALE = (150, 150, 150), (222, 222, 222)


def draw_image(image, points, font):
    """The image with its points, marked and numbered from 1.

    Args:
        image: `PIL.Image.Image`, RGB.
        points: list of (y, x), pixels of the image.
        font: A Pillow font.

    Returns:
        `PIL.Image.Image`, as all of these functions.
    """
    body = image.resize(fit(image, WIDTH), Image.Resampling.BICUBIC)
    mark_points(body, points, (image.height, image.width), font)
    lines = ["image", f"{image.height} x {image.width} pixels"]
    return join([draw_text(lines, font), body], MARGIN, axis=0)


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
    shown = min(cells, SIDE)
    chunks = np.split(order, np.arange(1, shown) * cells // shown)
    rows = [prior[chunk].mean(axis=0, dtype="float64")[order] for chunk in chunks]
    sorting = "row by row" if classes is None else "sorted by class"
    text = draw_text(["learned prior", f"{cells} x {cells} cells, {sorting}"], font)
    body = Image.fromarray(heat(to_size(np.stack(rows), SIDE, SIDE)))
    panel = join([text, body, draw_scale(SIDE, 0, 1, font)], MARGIN, axis=0)
    if classes is None:
        return panel
    squares = []
    for index, name in names.items():
        ends = np.flatnonzero(classes[order] == index)[[0, -1]] + [0, 1]
        low, high = (ends * SIDE // cells).tolist()
        # No square is named that is lower than a line.
        squares.append((low, high, name if high - low >= LINE else ""))
    width = math.ceil(max(font.getlength(name) for *_, name in squares)) + 2 * MARGIN
    labels = Image.new("RGB", (width, panel.height), BACKGROUND)
    draw, top = ImageDraw.Draw(labels), text.height + MARGIN
    for low, high, name in squares:
        draw.line((width - _TICK, top + low, width, top + low), fill=_GREY)
        place = width - MARGIN, top + (low + high) // 2
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
    shares = resample(one_hot.astype("float64"), SIDE)
    valid = np.outer(shares.sum(axis=1), shares.sum(axis=1))
    colors = heat(shares @ shares.T / np.where(valid > 0, valid, 1))
    colors = colors * valid[..., None] + np.array(_PALE) * (1 - valid[..., None])
    body = Image.fromarray(colors.round().astype("uint8"))
    text = draw_text(["ideal affinity map", "of the labels, sorted alike"], font)
    kinds = {"same class": heat(1.0), "different": heat(0.0)}
    if (classes < 0).any():
        kinds["ignored"] = _PALE
    legend = draw_legend(kinds.values(), kinds, SIDE, font)
    return join([text, body, legend], MARGIN, axis=0)


def _by_class(classes):
    """The order of the cells that sorts them by class, ignored ones last."""
    return np.argsort(np.where(classes < 0, classes.max() + 1, classes), kind="stable")
