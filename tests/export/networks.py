"""Every network of the package, small, with batch norms that do something."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_seg.models import inference_model
from keras_seg.ops import row_positions
from tests.models.networks import (
    randomize,
    tiny_cpnet,
    tiny_deeplab,
    tiny_dsrl,
    tiny_hanet,
    tiny_spnet,
)

BUILD = {
    "SPNet": tiny_spnet,
    "HANet": lambda: tiny_hanet(auxiliary_head=True),
    "HANet, positions": lambda: randomize(tiny_hanet(positions=True)),
    "CPNet": tiny_cpnet,
    # More cells than one block of the fused prior has.
    "CPNet, fused": lambda: tiny_cpnet(fused_prior=True, prior_size=(16, 20)),
    "DSRL": tiny_dsrl,
    "DeepLabV3Plus": tiny_deeplab,
}


def networks(*quick):
    """The names of all, the others than `quick` marked as slow, for a test."""
    slow = pytest.mark.slow
    return [pytest.param(name, marks=[] if name in quick else slow) for name in BUILD]


def build(name):
    """A network, and what `positions` is to be for it."""
    keras.utils.set_random_seed(0)
    model = BUILD[name]()
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("moving_variance"):
            weight.assign(rng.uniform(0.5, 2, weight.shape))
        elif weight.path.endswith(("moving_mean", "gamma", "beta")):
            weight.assign(weight + rng.normal(scale=0.3, size=weight.shape))
    return model, "positions" in name


def pixel_model(size=(None, None), channels=3, classes=3, kernel_size=1, dtype=None):
    """A network of a convolution."""
    inputs = keras.Input((*size, channels))
    conv = layers.Conv2D(classes, kernel_size, padding="same", dtype=dtype)
    return keras.Model(inputs, conv(inputs))


def images(number, height, width):
    """Blocks of random colors, as photographs have areas."""
    rng = np.random.default_rng(1)
    colors = rng.integers(0, 256, (number, 5, 7, 3), dtype="uint8")
    rows, columns = np.arange(height) * 5 // height, np.arange(width) * 7 // width
    return colors[:, rows][:, :, columns]


def sample(number, height, width, positions):
    """Inputs of a file, and the rows' positions, those of a window."""
    inputs, rows = {"images": images(number, height, width)}, None
    if positions:
        rows = np.tile(row_positions(np.arange(height) + 30, 2 * height + 30), (2, 1))
        rows = rows[:number].astype("int32")
        inputs["positions"] = rows
    return inputs, rows


def logits(model, pictures, rows=None):
    """Returns the logits of a model in memory."""
    network = inference_model(model, rows is not None)
    pictures = pictures.astype("float32")
    inputs = pictures if rows is None else [pictures, rows]
    return keras.ops.convert_to_numpy(network(inputs, training=False))


def assert_equal(found, expected):
    """Logits to 1e-4 of the largest, and classes where there are no near-ties."""
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found["logits"], expected, atol=1e-4 * scale)
    second, first = np.moveaxis(np.sort(expected, axis=-1)[..., -2:], -1, 0)
    clear = first - second > 2e-4 * scale
    assert clear.mean() > 0.9
    assert found["classes"].dtype == np.uint8
    classes = expected.argmax(axis=-1)
    np.testing.assert_array_equal(found["classes"][clear], classes[clear])
