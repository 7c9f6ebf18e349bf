"""The weights under which the authors' networks were recorded."""

import zlib

import numpy as np


def state_dict(record, prefix=""):
    """`{key: array}` of a recorded network, for the keys with a prefix, without it."""
    arrays = {}
    for key, shape in zip(record["keys"], record["shapes"], strict=True):
        key, shape = str(key), str(shape)
        if key.startswith(prefix):
            shape = tuple(int(cells) for cells in shape.split(",") if cells)
            arrays[key.removeprefix(prefix)] = _weight(record["seed"], key, shape)
    return arrays


def image(record):
    """The recorded input in Keras's order, normalised already."""
    rng = np.random.default_rng(int(record["seed"]))
    shape = (1, 3, int(record["height"]), int(record["width"]))
    return (rng.random(shape, dtype="float32") * 2 - 1).transpose(0, 2, 3, 1)


def _weight(seed, key, shape):
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
