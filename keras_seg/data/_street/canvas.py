"""Painting of an image and its label in the metric coordinates of a street."""

import math

import numpy as np
from PIL import Image, ImageDraw


class Canvas:
    """Draws polygons, discs and rods into an image and its label.

    Args:
        camera: `Camera`.
        light: `Light`.
        colors: float32 `(3, height, width)` in 0..255, the background.
        label: uint8 `(height, width)`, its classes.
    """

    def __init__(self, camera, light, colors, label):
        self.camera = camera
        self.light = light
        pixels = np.clip(colors, 0, 255).astype("uint8").transpose(1, 2, 0)
        self._image = Image.fromarray(np.ascontiguousarray(pixels))
        self._label = Image.fromarray(label)
        self._on_image = ImageDraw.Draw(self._image)
        self._on_label = ImageDraw.Draw(self._label)

    def arrays(self):
        """Returns the image, uint8 `(height, width, 3)`, and the label, uint8."""
        return np.asarray(self._image), np.array(self._label)

    def tone(self, color, z, brightness=1.0):
        """Returns a color under the given light, faded by the haze at a distance."""
        share = math.exp(-z / self.light.haze)
        red, green, blue = color
        haze_red, haze_green, haze_blue = self.light.sky[1]
        own, other = share * brightness, 1 - share
        return (
            min(int(own * red + other * haze_red), 255),
            min(int(own * green + other * haze_green), 255),
            min(int(own * blue + other * haze_blue), 255),
        )

    def polygon(self, points, fill, kind=None):
        """Draws a polygon.

        Args:
            points: list of (x, y, z) in meters.
            fill: Color, from `tone`.
            kind: Class, or `None` for a detail of an object, which keeps the object's
                class.
        """
        corners = [self.camera.project(*point) for point in points]
        self._on_image.polygon(corners, fill=fill)
        if kind is not None:
            self._on_label.polygon(corners, fill=kind)

    def disc(self, x, y, z, radius, fill, kind):
        """Draws a disc that faces the camera."""
        column, row = self.camera.project(x, y, z)
        radius = max(self.pixels(radius, z), 0.5)
        box = (column - radius, row - radius, column + radius, row + radius)
        self._on_image.ellipse(box, fill=fill)
        self._on_label.ellipse(box, fill=kind)

    def discs(self, places, z, fills, kind):
        """Draws discs that face the camera.

        Args:
            places: array `(discs, 3)` of x, y and radius in meters.
            z: Distance of the discs.
            fills: Colors, from `tone`, or `None` to draw the label only.
            kind: Class.
        """
        x, y, radius = places.T
        columns, rows = self.camera.project(x, y, z)
        radii = np.maximum(self.pixels(radius, z), 0.5)
        boxes = (columns - radii, rows - radii, columns + radii, rows + radii)
        for box, fill in zip(np.stack(boxes, axis=-1).tolist(), fills, strict=True):
            if fill is not None:
                self._on_image.ellipse(box, fill=fill)
            self._on_label.ellipse(box, fill=kind)

    def rod(self, start, end, width, fill, kind=None):
        """Draws a rod at least one pixel wide; without `kind`, only in the image."""
        pixels = max(1, round(width * self.camera.focal / start[2]))
        corners = [self.camera.project(*start), self.camera.project(*end)]
        self._on_image.line(corners, fill=fill, width=pixels)
        if kind is not None:
            self._on_label.line(corners, fill=kind, width=pixels)

    def pixels(self, length, z):
        """Returns the number of pixels that a length in meters has at a distance."""
        return length * self.camera.focal / z


def rectangle(x, y, z, half_width, half_height):
    """Returns the corners of an upright rectangle that faces the camera."""
    return [
        (x - half_width, y - half_height, z),
        (x + half_width, y - half_height, z),
        (x + half_width, y + half_height, z),
        (x - half_width, y + half_height, z),
    ]
