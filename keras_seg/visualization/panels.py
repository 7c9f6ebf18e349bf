"""What the panels of several charts are made of."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from keras_seg.visualization.heat import draw_scale, heat, resample
from keras_seg.visualization.legend import BACKGROUND, INK

MARGIN = 8
LINE = 19  # of text
SIDE = 360  # of the maps, and the greatest height of an image
WIDTH = 480  # the greatest of an image
_SCALE_WIDTH = 120  # the least, for the two numbers below it
_LEAST_RANGE = 0.01  # of the scale of a row, whose numbers have three digits
_RADIUS = 6  # of the ring around a point
_DETAILS, _CONTRAST = 0.03, 0.7  # the details' greatest size, in widths of the image


def draw_row(row, limits, image, point, size, title, text, font):
    """What a point has in common with each cell, over the details of the image.

    Args:
        row: float array `(rows, columns)` of cells, at most 1.
        limits: (low, high), the ends of the scale, which is never narrower than 0.01.
        image: `PIL.Image.Image`, RGB.
        point: (y, x), the pixel of the image that it belongs to.
        size: (width, height) of the image here.
        title: str.
        text: str, to write below.
        font: A Pillow font.
    """
    body = image.resize(size, Image.Resampling.BICUBIC)
    low = min(limits[0], 1 - _LEAST_RANGE)
    high = max(limits[1], low + _LEAST_RANGE)
    colors = heat(to_size(row, body.height, body.width), low, high)
    # Of the image only the details, since bright areas would look like a high prior.
    grey = body.convert("L")
    smooth = grey.filter(ImageFilter.GaussianBlur(_DETAILS * body.width))
    details = np.asarray(grey, "float64") - np.asarray(smooth, "float64")
    mixed = colors + _CONTRAST * details[..., None]
    body = Image.fromarray(mixed.round().clip(0, 255).astype("uint8"))
    _mark(body, point, (image.height, image.width))
    scale = draw_scale(max(body.width, _SCALE_WIDTH), low, high, font)
    parts = [draw_text([title], font), body, scale]
    parts += [draw_text([text], font)] if text else []
    return join(parts, MARGIN, axis=0)


def draw_text(lines, font):
    """Lines of text."""
    width = math.ceil(max(map(font.getlength, lines)))
    picture = Image.new("RGB", (width, len(lines) * LINE), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        draw.text((0, place * LINE + LINE // 2), line, INK, font, "lm")
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


def fit(image, width):
    """The (width, height) of an image in its proportions, as large as there is room."""
    factor = min(width / image.width, SIDE / image.height)
    return tuple(max(1, round(side * factor)) for side in image.size)


def mark_points(body, points, sides, font):
    """Draws rings around points of an image, and their numbers from 1.

    Args:
        body: `PIL.Image.Image`, the image in any size, which is changed.
        points: list of (y, x), pixels of the image.
        sides: (height, width) of the image.
        font: A Pillow font.
    """
    draw = ImageDraw.Draw(body)
    for number, point in enumerate(points, 1):
        x, y = _mark(body, point, sides)
        # Beside the ring, on the side where there is room.
        x, anchor = (x + 11, "lm") if x < body.width / 2 else (x - 11, "rm")
        y = max(min(y, body.height - LINE // 2), LINE // 2)
        outline = {"stroke_width": 2, "stroke_fill": INK}
        draw.text((x, y), str(number), "white", font, anchor, **outline)


def to_size(array, height, width):
    """Cells at the size of a picture, repeated or averaged."""
    return resample(resample(array, height).T, width).T


def _mark(body, point, sides):
    """Draws a ring around a point of the image; returns its (x, y) there."""
    y, x = point
    x = int((x + 0.5) * body.width / sides[1])
    y = int((y + 0.5) * body.height / sides[0])
    draw = ImageDraw.Draw(body)
    for radius, width, color in ((_RADIUS + 1, 4, INK), (_RADIUS, 2, "white")):
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, outline=color, width=width)
    return x, y
