"""The panels of `resolution_chart`: images, class maps, and rows of similarities."""

import keras
import numpy as np
from PIL import Image

from keras_seg.visualization.colorize import colorize
from keras_seg.visualization.legend import draw_legend
from keras_seg.visualization.panels import (
    MARGIN,
    SIDE,
    WIDTH,
    draw_row,
    draw_text,
    join,
    mark_points,
)

_MOST = (960, 720)  # width and height of an image


def shown_size(width, height):
    """The (width, height) in which to draw an image: enlarged by a whole factor."""
    factor = max(round(min(WIDTH / width, SIDE / height)), 1)
    shrink = min(_MOST[0] / width, _MOST[1] / height, 1)
    return tuple(max(round(side * factor * shrink), 1) for side in (width, height))


def draw_images(image, colors, original, points, size, font):
    """The image, the reconstruction and, where there is one, the original.

    Args:
        image: `PIL.Image.Image`, RGB.
        colors: float array `(height, width, 3)` in 0..1, the reconstruction.
        original: `PIL.Image.Image`, RGB, of that size; or None.
        points: list of (y, x), pixels of the original.
        size: (width, height) in which to draw all.
        font: A Pillow font.

    Returns:
        List of `PIL.Image.Image`.
    """
    sides = colors.shape[:2]
    low, high = _describe_sides(image.height, image.width), _describe_sides(*sides)
    reconstruction = Image.fromarray((colors * 255).round().astype("uint8"))
    pictures = {"image": image, "reconstruction": reconstruction}
    texts = [low, high]
    if original is not None:
        pictures["original"] = original
        enlarged = image.resize(original.size, Image.Resampling.BICUBIC)
        truth = np.asarray(original, "float64") / 255
        bicubic = _psnr(truth, np.asarray(enlarged, "float64") / 255)
        texts = [
            f"{low}; enlarged bicubically: PSNR {bicubic:.2f} dB",
            f"{high}; PSNR {_psnr(truth, colors):.2f} dB",
            high,
        ]
    panels = []
    for (title, picture), text in zip(pictures.items(), texts, strict=True):
        # Repeats pixels, and averages them where there is less room.
        body = picture.resize(size, Image.Resampling.BOX)
        if picture is image:
            mark_points(body, points, sides, font)
        panels.append(_titled([title, text], body, font))
    return panels


def draw_classes(maps, palette, names, size, font):
    """Class maps, and a legend of the classes in them.

    Args:
        maps: dict `{title: integer array (height, width)}`.
        palette: uint8 array `(num_classes, 3)`, RGB.
        names: sequence of str, one for each class.
        size: (width, height) in which to draw all.
        font: A Pillow font.

    Returns:
        List of `PIL.Image.Image`.
    """
    panels = []
    for title, classes in maps.items():
        body = Image.fromarray(colorize(classes, palette))
        body = body.resize(size, Image.Resampling.NEAREST)
        panels.append(_titled([title, _describe_sides(*classes.shape)], body, font))
    present = np.unique(np.concatenate([x.ravel() for x in maps.values()]))
    colors, words = palette[present], [names[index] for index in present]
    legend = draw_legend(colors, words, size[0], font)
    return [*panels, _titled(["classes", "in both segmentations"], legend, font)]


def draw_similarities(point, features, image, size, title, font):
    """How alike a point's cell and each other cell are to both branches.

    Args:
        point: (y, x), a pixel of the image.
        features: dict `{branch: float array (rows, columns, channels)}`, with a length
            of 1 in each cell.
        image: `PIL.Image.Image`, RGB, of the original's size.
        size: (width, height) in which to draw it.
        title: str.
        font: A Pillow font.

    Returns:
        `PIL.Image.Image`.
    """
    (y, x), rows = point, {}
    for branch, unit in features.items():
        row = y * unit.shape[0] // image.height
        column = x * unit.shape[1] // image.width
        rows[branch] = unit @ unit[row, column]
    first, second = rows.values()
    limits = min(first.min(), second.min()), max(first.max(), second.max())
    difference = np.abs(first - second).mean()
    texts = "", f"mean absolute difference {difference:.3f}"
    panels = [
        draw_row(row, limits, image, point, size, f"{title}, {branch}", text, font)
        for (branch, row), text in zip(rows.items(), texts, strict=True)
    ]
    return join(panels, 2 * MARGIN, axis=0)


def _psnr(truth, colors):
    return float(keras.ops.psnr(truth, colors, 1.0))


def _describe_sides(height, width):
    return f"{height} x {width} pixels"


def _titled(lines, body, font):
    return join([draw_text(lines, font), body], MARGIN, axis=0)
