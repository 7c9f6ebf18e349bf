"""The weights and inputs with which the authors' networks were recorded."""

import zlib

import numpy as np


def state_dict(record):
    """`{key: array}` of a recorded network."""
    pairs = zip(map(str, record["keys"]), map(str, record["shapes"]), strict=True)
    shapes = {key: [int(n) for n in shape.split(",") if n] for key, shape in pairs}
    return weights(record["seed"], shapes)


def weights(seed, shapes):
    """`{key: array}` for `{key: shape}`."""
    return {
        key: _weight(seed, key, tuple(shape)).astype("float32")
        for key, shape in shapes.items()
    }


def image(seed, height, width):
    """The input of a network in Keras's order, normalised already."""
    x = np.random.default_rng(int(seed)).random((1, 3, height, width), dtype="float32")
    return (x * 2 - 1).transpose(0, 2, 3, 1)


def features(seed, channels, height, width):
    """The input of CPNet's head in Keras's order."""
    shape = (1, channels, height, width)
    x = np.random.default_rng(int(seed)).random(shape, dtype="float32")
    return x.transpose(0, 2, 3, 1)


def _weight(seed, key, shape):
    if key.endswith("pos_layer.weight"):
        return _positions(*shape)
    rng = np.random.default_rng(zlib.crc32(f"{seed}/{key}".encode()))
    z = rng.standard_normal(shape).astype("float32")
    if key.endswith("running_var"):
        return 1 + 0.2 * np.tanh(z)
    if key.endswith("running_mean"):
        return 0.1 * z
    if len(shape) > 1:
        return z * np.sqrt(1.6 / np.prod(shape[1:]))
    if key.endswith("bn3.weight"):
        return 0.25 + 0.025 * z
    if key.endswith("weight"):
        return 1 + 0.1 * z
    return 0.1 * z


def _positions(count, channels):
    """HANet's fixed table: 1 and a sine or a cosine, by turns, added in float32."""
    base = 10 if channels > 50 else 100
    table = np.ones((count, channels), "float32")
    for position in range(count):
        for channel in range(channels):
            angle = position / base ** (2 * (channel // 2) / channels)
            wave = (np.sin, np.cos)[channel % 2](angle)
            table[position, channel] += np.float32(wave)
    return table
