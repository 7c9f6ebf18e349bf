"""Pixels, texts and axes of figures, for tests."""

import io

import numpy as np
from matplotlib.text import Text
from PIL import Image


def drawn(figure):
    """The pixels of a figure, as `savefig` writes them: `(height, width, 3)`."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))


def texts(figure):
    """All that is written in a figure, but what matplotlib writes on scales itself."""
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def axes_titled(figure, start):
    """The only axes whose title begins so."""
    found = [axes for axes in figure.axes if axes.get_title().startswith(start)]
    assert len(found) == 1, [axes.get_title() for axes in figure.axes]
    return found[0]


def values_in(axes):
    """The values of the first image in the axes."""
    return axes.images[0].get_array()


def scale_of(axes):
    """(low, high) of the colors of the first image in the axes."""
    return axes.images[0].get_clim()


def rings_in(axes):
    """The points (y, x) that are marked."""
    return [(line.get_ydata()[0], line.get_xdata()[0]) for line in axes.lines]


def assert_nothing_is_cut_off(figure):
    """Checks that the edges of the figure are white."""
    pixels = drawn(figure)
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 255).all()
