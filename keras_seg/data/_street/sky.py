"""Painting of the sky and of the skyline at the end of the street."""

import numpy as np

from keras_seg.data._street.model import BUILDING, SKY, TREE
from keras_seg.data._street.view import color_array

_END = 125.0  # distance to the end of the street in meters


def paint_sky(view):
    """Paints a gradient with clouds over the whole image."""
    light, camera = view.street.light, view.street.camera
    top, bottom = (color_array(color, 3) for color in light.sky)
    fall = np.clip(1 + view.down * np.float32(camera.focal / camera.row), 0, 1) ** 1.5
    cover = np.clip(1.2 * view.grain + np.float32(3 * light.clouds - 1.2), 0, 1)
    cover *= (0.9 - 0.5 * fall)[:, None]
    view.colors[:] = top + (bottom - top) * fall[:, None]
    view.colors += (color_array(light.cloud_color, 3) - view.colors) * cover
    view.label[:] = SKY


def paint_skyline(view):
    """Paints distant trees or roofs between the sky and the ground."""
    height, color, kind = view.street.horizon
    if kind == TREE:
        profile = view.coarse[0]
    else:  # steps instead of waves
        position = np.arange(len(view.across)) * 40 // len(view.across)
        profile = view.chances[0][position % 32] * 2 - 1
    top = height * (1 + 0.35 * profile) + 0.1 * height * view.grain[1]
    up = view.street.camera.height - view.down[:, None] * _END
    mask = (up < top) & (up > 0)
    shade = 1 + (0.1 if kind == BUILDING else 0.25) * view.grain[mask]
    view.colors[:, mask] = view.haze(color_array(color) * shade, np.float32(_END))
    view.label[mask] = kind
