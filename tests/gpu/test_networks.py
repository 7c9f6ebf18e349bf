"""Networks, convolutions and batch norms on a GPU against the same on the CPU."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg import layers, ops
from tests.gradients import output_and_gradients
from tests.scale.networks import NETWORKS, build
from tests.scale.train import HEIGHT, Blocks, Curves

GPUS = tf.config.list_logical_devices("GPU")
PRECISIONS = {"float32": 1e-4, "mixed_float16": 3e-2, "mixed_bfloat16": 2e-1}

pytestmark = [
    pytest.mark.skipif(not GPUS, reason="TensorFlow sees no GPU"),
    pytest.mark.backend("tensorflow", "its devices"),
]


@pytest.fixture(autouse=True)
def full_float32():
    """Without the rounding of factors to TensorFloat-32, which has 10 binary digits."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    yield
    tf.config.experimental.enable_tensor_float_32_execution(before)


@pytest.fixture(params=PRECISIONS)
def precision(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def losses_of_steps(name, scope, xla=None):
    """The losses of a few training steps of a network on the same images."""
    images, labels = map(np.stack, zip(*[Blocks()[i] for i in range(8)], strict=True))
    inputs = images.astype("float32")
    if name == "HANet":
        rows = np.arange(HEIGHT, dtype="int32") * 128 // HEIGHT
        inputs = inputs, np.tile(rows, (8, 1))
    batches = tf.data.Dataset.from_tensors((inputs, labels)).repeat(4)
    with scope, ops.xla_scope(xla):
        model, targets = build(name, keras.optimizers.SGD(1e-3))
        curves = Curves()
        batches = batches.map(targets)
        model.fit(batches, callbacks=[curves], verbose=0, shuffle=False)
    return [step["loss"] for step in curves.steps]


@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("network", NETWORKS)
def test_networks_train_as_on_the_cpu(network, xla):
    expected = losses_of_steps(network, tf.device("CPU:0"), xla=False)
    found = losses_of_steps(network, tf.device("GPU:0"), xla=xla)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_train_in_every_precision(network, precision):
    losses = losses_of_steps(network, tf.device("GPU:0"))
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_train_on_all_gpus_as_on_one(network):
    names = [device.name for device in GPUS]
    expected = losses_of_steps(network, tf.device("GPU:0"))
    found = losses_of_steps(network, tf.distribute.MirroredStrategy(names).scope())
    np.testing.assert_allclose(found, expected, rtol=1e-3)


LAYERS = {
    "large rate": lambda: layers.Conv2D(16, 3, padding="same", dilation_rate=6),
    "small rate": lambda: layers.Conv2D(16, 3, padding="same", dilation_rate=2),
    "by channel": lambda: layers.DepthwiseConv2D(3, padding="same", dilation_rate=6),
    "batch norm": layers.BatchNormalization,
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_those_on_the_cpu(name, compiled, precision):
    x = np.random.default_rng(0).normal(size=(2, 24, 32, 8)).astype("float32")
    training = name == "batch norm"
    results, weights = [], None
    for device in ("CPU:0", "GPU:0"):
        with tf.device(device):
            layer = LAYERS[name]()
            layer.build(x.shape)
            weights = weights or layer.get_weights()
            layer.set_weights(weights)
            function = tf.function(
                output_and_gradients, jit_compile=compiled, autograph=False
            )
            results.append(function(layer, tf.constant(x), training))
    for expected, found in zip(*results, strict=True):
        expected, found = (np.array(tf.cast(y, "float32")) for y in (expected, found))
        limit = PRECISIONS[precision] * np.abs(expected).max()
        np.testing.assert_allclose(found, expected, atol=limit)


def peak_of_a_step(norm):
    """The bytes that a convolution, a batch norm and their gradients take."""
    shape = 4, 128, 128, 64
    with tf.device("GPU:0"):
        block = keras.Sequential([layers.Conv2D(64, 3, padding="same"), norm])
        block.build(shape)
        x = tf.random.normal(shape)
        function = tf.function(output_and_gradients, autograph=False)
        function(block, x, True)  # traces
        tf.config.experimental.reset_memory_stats("GPU:0")
        before = tf.config.experimental.get_memory_info("GPU:0")["current"]
        function(block, x, True)
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] - before


def test_batch_norm_keeps_no_more_than_kerass():
    plain = peak_of_a_step(keras.layers.BatchNormalization())
    assert peak_of_a_step(layers.BatchNormalization()) <= plain
