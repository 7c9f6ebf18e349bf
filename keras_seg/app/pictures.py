"""Pictures of the page as arrays."""

import matplotlib
import numpy as np
from PIL import Image, ImageDraw

from keras_seg.visualization import overlay
from keras_seg.visualization.heat_maps import COLORS

_WRONG, _DIFFERENT = (230, 25, 75), (255, 0, 255)
_LEAST_RANGE = 0.01
_IMAGE_SHARE = 0.35  # opacity of the image below a heat map


def fitted(image, classes, side):
    """Reduces an image and its class map to at most `side` pixels.

    Args:
        image: uint8 array `(height, width, 3)`.
        classes: integer array `(height, width)`.
        side: int. The largest length of the longer side.

    Returns:
        Pair of the image and the class map, unchanged if they are small enough.
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
    """Overlays an image with the colours of the shown classes.

    Args:
        image, classes, palette, alpha: see `keras_seg.visualization.overlay`.
        shown: iterable of ints, the classes to show. Other pixels show the image.

    Returns:
        uint8 array `(height, width, 3)`.
    """
    return overlay(
        image, np.where(np.isin(classes, list(shown)), classes, -1), palette, alpha
    )


def shares(classes, num_classes):
    """Returns the share of each class of a class map, float `(num_classes,)`."""
    return np.bincount(classes.ravel(), minlength=num_classes) / classes.size


def errors(image, classes, labels, ignore_class=255):
    """Returns the image in grey with wrong pixels in red and ignored ones in black.

    Args:
        image: uint8 array `(height, width, 3)`.
        classes, labels: integer arrays `(height, width)`.
        ignore_class: int. The label of ignored pixels.

    Returns:
        uint8 array `(height, width, 3)`.
    """
    picture = _grey(image)
    picture[classes != labels] = _WRONG
    picture[labels == ignore_class] = 0
    return picture


def differences(image, first, second):
    """Returns the image in grey with pixels in magenta where two class maps differ."""
    picture = _grey(image)
    picture[first != second] = _DIFFERENT
    return picture


def heat_over(image, cells, point=None):
    """Draws the values of cells, from dark to light, over an image.

    Args:
        image: uint8 array `(height, width, 3)`.
        cells: float array `(rows, columns)` of cells that cover the image.
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
    """Draws a ring around the pixel (y, x) of a picture and returns the picture."""
    draw, (y, x) = ImageDraw.Draw(picture), point
    size = max(max(picture.size) // 80, 3)
    for radius, color in ((size + 2, "black"), (size, "white")):
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius), outline=color, width=2
        )
    return picture


def _grey(image):
    return np.array(Image.fromarray(image).convert("L").convert("RGB"))
