"""Camera effects on a painted street: bonnet, lens, exposure and noise."""

import math
import statistics

import numpy as np
from PIL import Image, ImageDraw

from keras_seg.data._street import model

# Strength of the texture on each class.
_TEXTURE = np.zeros(256, "float32")
_TEXTURE[[model.BUILDING, model.ROAD, model.PAVEMENT]] = 0.03
_TEXTURE[model.TREE] = 0.16

# Quantiles of the normal distribution: a random byte selects one of 256 draws.
_NORMAL = np.array(
    [statistics.NormalDist().inv_cdf((level + 0.5) / 256) for level in range(256)],
    "float32",
)


def add_bonnet(image, label, share, color):
    """Returns image and label with the bonnet of the camera's own car in front.

    Args:
        image: uint8 `(height, width, 3)`.
        label: uint8 `(height, width)`.
        share: Height of the bonnet as a share of the image height.
        color: Color of the bonnet.
    """
    height, width = label.shape
    bow = np.linspace(-1.1, 1.1, width) ** 2
    edge = height * (1 - share * (1 - 0.55 * bow))
    outline = [*enumerate(edge.tolist()), (width, height), (0, height)]
    image, label = Image.fromarray(image), Image.fromarray(label)
    dark = tuple(int(0.55 * channel) for channel in color)
    glint = tuple(int(0.8 * channel) for channel in color)
    draw = ImageDraw.Draw(image)
    draw.polygon(outline, fill=dark)
    draw.line(outline[:width], fill=glint, width=max(1, height // 96))
    ImageDraw.Draw(label).polygon(outline, fill=model.VOID)
    return np.asarray(image), np.array(label)


def expose(image, label, light, grain, rng):
    """Converts a painted image into a photograph, uint8 `(height, width, 3)`.

    Args:
        image: uint8 `(height, width, 3)`.
        label: uint8 `(height, width)`, which determines the texture.
        light: `Light`.
        grain: float32 `(height, width)`, mottled noise.
        rng: NumPy generator.
    """
    height, width = label.shape
    # Channels are merged with columns, since NumPy is slow on a short last axis.
    texture = 1 + _TEXTURE[label] * (grain + _NORMAL[_bytes(rng, label.shape)])
    picture = image.reshape(height, -1) * np.repeat(texture, 3, axis=1)
    # The blur of a lens, which smooths jagged edges.
    picture[1:-1] = 0.1 * (picture[:-2] + picture[2:]) + 0.8 * picture[1:-1]
    sides = picture[:, :-6] + picture[:, 6:]
    picture[:, 3:-3] = 0.1 * sides + 0.8 * picture[:, 3:-3]
    tone = 255 * np.linspace(0, 1, 256, dtype="float32") ** light.gamma
    picture = tone[np.clip(picture, 0, 255).astype("uint8")]
    y, x = (np.linspace(-1, 1, length, dtype="float32") for length in label.shape)
    falloff = 1 - light.vignette / 2 * (y[:, None] ** 2 + x**2)
    gain = np.tile(np.array(light.gain, "float32"), width)
    picture *= np.repeat(falloff, 3, axis=1) * gain
    picture += light.noise * _NORMAL[_bytes(rng, picture.shape)]
    return np.clip(picture, 0, 255).astype("uint8").reshape(height, width, 3)


def _bytes(rng, shape):
    return np.frombuffer(rng.bytes(math.prod(shape)), "uint8").reshape(shape)
