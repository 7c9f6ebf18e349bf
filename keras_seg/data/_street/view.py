"""The image in progress, with the viewing ray of each pixel."""

import numpy as np
from PIL import Image


class View:
    """Colors and classes of an image, with the rays and textures to paint it.

    Args:
        street: `Street`.
        size: `(height, width)` in pixels.
        rng: NumPy generator for the textures.

    Attributes:
        colors: float32 `(3, height, width)` in 0..255, filled step by step. NumPy is
            much faster with the channels first.
        label: uint8 `(height, width)`, the classes.
        across: float32 `(width,)`, meters to the right at a distance of one meter.
        down: float32 `(height,)`, meters downwards at a distance of one meter.
        coarse, grain: float32 `(height, width)`, soft and mottled noise.
        chances: float32 `(32, 32)` in 0..1, random numbers for the look of windows and
            slabs.
        mottle: float32 `(64, 64)`, noise for the ground.
    """

    def __init__(self, street, size, rng):
        height, width = size
        self.street = street
        self.colors = np.empty((3, height, width), "float32")
        self.label = np.empty((height, width), "uint8")
        camera = street.camera
        columns = np.arange(width, dtype="float32") + 0.5
        rows = np.arange(height, dtype="float32") + 0.5
        self.across = (columns - np.float32(camera.column)) / np.float32(camera.focal)
        self.down = (rows - np.float32(camera.row)) / np.float32(camera.focal)
        self.coarse = _noise(rng, size, (5, 6))
        self.grain = 0.5 * self.coarse + 0.5 * _noise(rng, size, (24, 32))
        self.chances = rng.random((32, 32), dtype="float32")
        self.mottle = _noise(rng, (64, 64), (26, 26))

    def haze(self, colors, z):
        """Returns colors `(3, ...)` after haze at the distances z `(...)`."""
        light = self.street.light
        share = np.exp(z / np.float32(-light.haze))
        return colors * share + color_array(light.sky[1], colors.ndim) * (1 - share)


def color_array(color, rank=2):
    """Returns a color as an array `(3, 1, ...)` of `rank` dimensions."""
    return np.array(color, "float32").reshape((3,) + (1,) * (rank - 1))


def _noise(rng, size, cells):
    """Returns noise of variance near 1 with `cells` (rows, columns) of detail."""
    field = Image.fromarray(rng.standard_normal(cells, dtype="float32"))
    height, width = size
    return np.asarray(field.resize((width, height), Image.Resampling.BICUBIC))
