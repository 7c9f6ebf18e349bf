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
        classes: integer array `(height, width)`, or masks of independent classes
            `(height, width, classes)`.
        side: int. The largest length of the longer side.

    Returns:
        Pair of the image and the class map, unchanged if they are small enough.
    """
    height, width = classes.shape[:2]
    factor = side / max(height, width)
    if factor >= 1:
        return image, classes
    rows, columns = (max(round(n * factor), 1) for n in (height, width))
    picture = Image.fromarray(image).resize((columns, rows), Image.Resampling.BOX)
    return np.asarray(picture), nearest(classes, rows, columns)


def nearest(classes, rows, columns):
    """Resizes a class map, or masks, to (rows, columns) by the nearest pixel."""
    height, width = classes.shape[:2]
    y = (2 * np.arange(rows) + 1) * height // (2 * rows)
    x = (2 * np.arange(columns) + 1) * width // (2 * columns)
    return classes[y[:, None], x]


def painted(image, classes, palette, shown, alpha):
    """Overlays an image with the colors of the shown classes.

    Args:
        image, classes, palette, alpha: see `keras_seg.visualization.overlay`.
        shown: iterable of ints, the classes to show. Other pixels show the image.

    Returns:
        uint8 array `(height, width, 3)`.
    """
    if classes.ndim == 3:
        kept = np.isin(np.arange(classes.shape[-1]), list(shown))
        return overlay(image, np.where(kept, classes, 0), palette, alpha)
    classes = classes.astype("int32")  # a uint8 -1 would be class 255
    kept = np.isin(classes, list(shown))
    return overlay(image, np.where(kept, classes, -1), palette, alpha)


def shares(classes, num_classes):
    """Returns the share of each class of a class map, float `(num_classes,)`.

    The shares of independent classes may have any sum.
    """
    if classes.ndim == 3:
        return classes.mean(axis=(0, 1))
    return np.bincount(classes.ravel(), minlength=num_classes) / classes.size


def errors(image, classes, labels, ignore_class=255):
    """Returns the image in gray with wrong pixels in red and ignored ones in black.

    Args:
        image: uint8 array `(height, width, 3)`.
        classes, labels: integer arrays `(height, width)`.
        ignore_class: int. The label of ignored pixels.

    Returns:
        uint8 array `(height, width, 3)`.
    """
    picture = _gray(image)
    picture[classes != labels] = _WRONG
    picture[labels == ignore_class] = 0
    return picture


def differences(image, first, second):
    """Returns the image in gray with pixels in magenta where two class maps differ."""
    picture = _gray(image)
    picture[differ(first, second)] = _DIFFERENT
    return picture


def differ(first, second):
    """Returns where two class maps, or two arrays of masks, differ in any class.

    Args:
        first, second: integer arrays `(height, width)` or `(height, width, classes)`.

    Returns:
        bool array `(height, width)`.

    Raises:
        ValueError: If one has independent classes and the other does not, or if their
            numbers of independent classes differ.
    """
    if first.shape != second.shape:
        raise ValueError(
            "Models are compared pixel by pixel: the classes of both must be "
            "independent, and as many, or of neither. Received class maps of the "
            f"shapes {first.shape} and {second.shape}"
        )
    return (first != second).reshape(*first.shape[:2], -1).any(axis=-1)


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
    mixed = (1 - _IMAGE_SHARE) * colors[y[:, None], x] + _IMAGE_SHARE * _gray(image)
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


def _gray(image):
    return np.array(Image.fromarray(image).convert("L").convert("RGB"))
