"""Images in the axes of a figure, and points on them."""

import numpy as np
from matplotlib.patheffects import withStroke
from PIL import Image, ImageFilter

from keras_seg.visualization.heat_maps import show_heat

_EDGE = [withStroke(linewidth=3, foreground="black")]  # visible on any image
_HIGHEST = 5  # inches: largest height of an image
_LEAST_RANGE = 0.01  # smallest range of a scale, whose numbers have three digits
_DETAILS = 0.03  # largest size of details, in widths of the image
_CONTRAST = 0.7


def require_image(image):
    """Returns the image as uint8 `(height, width, 3)`.

    Args:
        image: array `(height, width, 3)`, RGB in 0..255.

    Raises:
        ValueError: If the image has another shape.
    """
    image = np.asarray(image)
    if image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(
            "`image` must be one image (height, width, 3). Received the shape "
            f"{image.shape}"
        )
    return np.clip(np.round(image), 0, 255).astype("uint8")


def panel_height(width, sides):
    """Returns the height in inches of an image that is `width` inches wide."""
    return min(max(width * sides[0] / sides[1], 1), _HIGHEST)


def extent_of(sides):
    """Returns the `extent` with which `imshow` covers an image of (height, width)."""
    height, width = sides
    return -0.5, width - 0.5, height - 0.5, -0.5


def show_image(axes, image, title, sides=None):
    """Draws an image without ticks and without smoothing.

    Args:
        axes: matplotlib `Axes`.
        image: uint8 array `(height, width, 3)`.
        title: str.
        sides: (height, width) of the axes' coordinates, or None for the image's own.
    """
    axes.imshow(
        image, extent=extent_of(sides or image.shape[:2]), interpolation="nearest"
    )
    plain_axes(axes, title)


def plain_axes(axes, title):
    """Removes the ticks of axes and sets a title, which is not parsed as a formula."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize="medium", parse_math=False)


def mark_points(axes, points):
    """Draws rings around points (y, x), numbered from 1."""
    for number, (y, x) in enumerate(points, 1):
        mark_point(axes, (y, x))
        axes.annotate(
            str(number),
            (x, y),
            xytext=(7, 0),
            textcoords="offset points",
            color="white",
            va="center",
            path_effects=_EDGE,
        )


def mark_point(axes, point):
    """Draws a ring around a point (y, x)."""
    axes.plot(
        [point[1]],
        [point[0]],
        linestyle="none",
        marker="o",
        markersize=8,
        markerfacecolor="none",
        markeredgecolor="white",
        path_effects=_EDGE,
    )


def show_cells(axes, cells, limits, image, point, title):
    """Draws the similarity of a point to each cell, over the details of the image.

    Args:
        axes: matplotlib `Axes`.
        cells: float array `(rows, columns)` of cells that cover the image, at most 1.
        limits: (low, high), the ends of the scale, whose range is at least 0.01.
        image: uint8 array `(height, width, 3)`.
        point: (y, x), the pixel of the image that the cells are compared with.
        title: str.
    """
    extent = extent_of(image.shape[:2])
    low = min(limits[0], 1 - _LEAST_RANGE)
    show_heat(
        axes, cells, (low, limits[1]), extent, _LEAST_RANGE, interpolation="nearest"
    )
    axes.imshow(_details(image), extent=extent)
    mark_point(axes, point)
    plain_axes(axes, title)


def _details(image):
    """Returns light and dark details as RGBA `(height, width, 4)`.

    Uniform areas are removed, because a bright area would look like a high value.
    """
    gray = Image.fromarray(image).convert("L")
    smooth = gray.filter(ImageFilter.GaussianBlur(_DETAILS * gray.width))
    details = (np.asarray(gray, "float64") - np.asarray(smooth, "float64")) / 255
    light = np.repeat((details > 0)[..., None], 3, axis=-1)
    opacity = (_CONTRAST * np.abs(details))[..., None]
    return np.concatenate([light, opacity], axis=-1)
