"""Miniature copies of published data sets, for tests."""

import os

import numpy as np
from PIL import Image


def write_image(path, size=(6, 8)):
    """An image of `(height, width)`, whose pixels tell its file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(map(ord, path.stem))
    pixels = np.full((*size, 3), seed % 256, "uint8")
    Image.fromarray(pixels).save(path)


def write_label(path, values, colors=None):
    """A label PNG, gray or with a palette."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.asarray(values, "uint8"))
    if colors is not None:
        picture = picture.convert("P")
        picture.putpalette(np.asarray(colors, "uint8").ravel().tolist())
    picture.save(path)


def copies(path, names):
    """As many files of other names as a whole split has, without their size."""
    for name in names:
        target = path.parent / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
