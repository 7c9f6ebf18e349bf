"""The pictures of the page, as arrays."""

import matplotlib
import numpy as np
from PIL import Image, ImageDraw

from keras_seg.visualization import overlay
from keras_seg.visualization.heat_maps import COLORS

_WRONG, _DIFFERENT = (230, 25, 75), (255, 0, 255)
_LEAST_RANGE = 0.01
_IMAGE_SHARE = 0.35  # of the image below a heat map


def fitted(image, classes, side):
    """An image and its class map, reduced to `side` pixels at most.

    Args:
        image: uint8 array `(height, width, 3)`.
        classes: integer array `(height, width)`.
        side: int, of the longer side.

    Returns:
        The pair of both; those that were given where they are small enough.
    """
    height, width = classes.shape
    factor = side / max(height, width)
    if factor >= 1:
        return image, classes
    rows, columns = (max(round(n * factor), 1) for n in (height, width))
    picture = Image.fromarray(image).resize((columns, rows), Image.Resampling.BOX)
    y, x = np.arange(rows) * height // rows, np.arange(columns) * width // columns
    return np.asarray(picture), classes[y[:, None], x]


def painted(image, classes, palette, shown, alpha):
    """An image under the colours of the classes that are switched on.

    Args:
        image, classes, palette, alpha: of `keras_seg.visualization.overlay`.
        shown: iterable of ints, the classes; pixels of others show the image.
    """
    return overlay(
        image, np.where(np.isin(classes, list(shown)), classes, -1), palette, alpha
    )


def shares(classes, num_classes):
    """The share of each class of a class map, float `(num_classes,)`."""
    return np.bincount(classes.ravel(), minlength=num_classes) / classes.size


def errors(image, classes, labels, ignore_class=255):
    """The image in grey, with the pixels in red that are not of their label's class.

    Args:
        image: uint8 array `(height, width, 3)`.
        classes, labels: integer arrays `(height, width)`.
        ignore_class: int, the label of what does not count; it is black.
    """
    picture = _grey(image)
    picture[classes != labels] = _WRONG
    picture[labels == ignore_class] = 0
    return picture


def differences(image, first, second):
    """The image in grey, with the pixels in magenta on which two class maps differ."""
    picture = _grey(image)
    picture[first != second] = _DIFFERENT
    return picture


def heat_over(image, cells, point=None):
    """Values of cells, from dark to light, over an image.

    Args:
        image: uint8 array `(height, width, 3)`.
        cells: float array `(rows, columns)`, which cover the image.
        point: (y, x) of a pixel to mark, or None.

    Returns:
        uint8 array `(height, width, 3)`.
    """
    low = float(cells.min())
    spread = max(float(cells.max()) - low, _LEAST_RANGE)
    colors = matplotlib.colormaps[COLORS]((cells - low) / spread, bytes=True)[..., :3]
    height, width = image.shape[:2]
    rows, columns = cells.shape
    y, x = np.arange(height) * rows // height, np.arange(width) * columns // width
    mixed = (1 - _IMAGE_SHARE) * colors[y[:, None], x] + _IMAGE_SHARE * _grey(image)
    picture = Image.fromarray(mixed.round().astype("uint8"))
    return np.asarray(marked(picture, point) if point else picture)


def marked(picture, point):
    """A picture with a ring around the pixel (y, x)."""
    draw, (y, x) = ImageDraw.Draw(picture), point
    size = max(max(picture.size) // 80, 3)
    for radius, color in ((size + 2, "black"), (size, "white")):
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), outline=color, width=2
        )
    return picture


def _grey(image):
    return np.array(Image.fromarray(image).convert("L").convert("RGB"))
