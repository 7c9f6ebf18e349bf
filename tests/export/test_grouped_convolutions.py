import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_seg.export import export_saved_model
from keras_seg.export.grouped_convolutions import without_xla
from keras_seg.layers import ResizeLike
from keras_seg.models import SPNet

CONVOLUTIONS = {
    "four groups": {"filters": 12, "groups": 4},
    "strides": {"filters": 12, "groups": 4, "strides": (2, 1)},
    "dilation": {"filters": 8, "groups": 2, "dilation_rate": (2, 3)},
    "valid": {"filters": 8, "groups": 2, "padding": "valid"},
    "a group for each channel": {"filters": 8, "groups": 8},
    "two filters for each channel": {"filters": 16, "groups": 8},
    "depthwise strides": {"filters": 16, "groups": 8, "strides": 2},
    "depthwise, unequal strides": {"filters": 16, "groups": 8, "strides": (1, 2)},
    "depthwise dilation": {"filters": 8, "groups": 8, "dilation_rate": 2},
    "activation": {"filters": 8, "groups": 4, "activation": "relu"},
}


def grouped(images, filters, groups, padding="same", **options):
    """By NumPy: each group by itself, from kernels of the whole layer."""
    convolution = layers.Conv2D(filters, 3, groups=groups, padding=padding, **options)
    convolution.build(images.shape)
    convolution.bias.assign(np.linspace(-1, 1, filters))
    kernel, bias = (np.asarray(w, "float64") for w in convolution.get_weights())
    strides, rates = convolution.strides, convolution.dilation_rate
    span = [2 * rate + 1 for rate in rates]
    sizes = images.shape[1:3]
    if padding == "same":
        places = [-(-n // s) for n, s in zip(sizes, strides, strict=True)]
        missing = [
            max((p - 1) * s + k - n, 0)
            for p, s, k, n in zip(places, strides, span, sizes, strict=True)
        ]
        pads = [(m // 2, m - m // 2) for m in missing]
        images = np.pad(images, [(0, 0), *pads, (0, 0)])
    else:
        places = [
            (n - k) // s + 1 for n, s, k in zip(sizes, strides, span, strict=True)
        ]
    per_group = images.shape[-1] // groups
    result = np.zeros((len(images), *places, filters))
    for filter in range(filters):
        first = filter // (filters // groups) * per_group
        for i in range(places[0]):
            for j in range(places[1]):
                rows = i * strides[0] + rates[0] * np.arange(3)
                columns = j * strides[1] + rates[1] * np.arange(3)
                seen = images[:, rows[:, None], columns, first : first + per_group]
                product = np.sum(seen * kernel[..., filter], axis=(1, 2, 3))
                result[:, i, j, filter] = product + bias[filter]
    if options.get("activation") == "relu":
        result = np.maximum(result, 0)
    return convolution, result


@pytest.mark.parametrize("name", list(CONVOLUTIONS))
def test_equals_the_formula_without_xla(name):
    images = np.random.default_rng(0).normal(size=(2, 9, 11, 8))
    convolution, expected = grouped(images, **CONVOLUTIONS[name])
    inputs = keras.Input((None, None, 8))
    model = keras.Model(inputs, convolution(inputs))
    function = tf.function(lambda x: model(x), autograph=False)
    with without_xla(model):
        concrete = function.get_concrete_function(tf.TensorSpec((None, None, None, 8)))
    assert "_XlaMustCompile" not in str(concrete.graph.as_graph_def())
    result = concrete(tf.constant(images, "float32"))
    np.testing.assert_allclose(result, expected, atol=1e-5)
    # And Keras's own way is back.
    assert "convolution_op" not in vars(convolution)
    np.testing.assert_allclose(model(images), expected, atol=1e-5)


class Block(layers.Layer):
    """A layer with a grouped convolution inside, as keras-hub's networks have them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution = layers.Conv2D(8, 3, groups=4, padding="same")

    def call(self, x):
        return self.convolution(x)


def test_a_network_of_grouped_convolutions_is_exported(tmp_path):
    """As ResNeXt is, with layers within layers and within models."""
    inner = keras.Input((None, None, 8))
    depthwise = layers.Conv2D(8, 3, groups=8, padding="same")
    inner = keras.Model(inner, Block()(depthwise(inner)))
    inputs = keras.Input((None, None, 3))
    x = inner(layers.Conv2D(8, 1)(inputs))
    model = keras.Model(inputs, layers.Conv2D(3, 1)(x))
    path = export_saved_model(model, tmp_path / "1")
    images = np.random.default_rng(0).integers(0, 256, (2, 12, 15, 3), dtype="uint8")
    served = tf.saved_model.load(str(path)).signatures["probabilities"]
    result = served(images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(result, tf.nn.softmax(model(images)), atol=1e-5)


class OwnConvolution(layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(3, 3, shape[-1] // 2, 4), name="kernel")

    def call(self, x):
        return keras.ops.conv(x, self.kernel, padding="same")


def test_others_are_refused(tmp_path):
    inputs = keras.Input((None, None, 4))
    model = keras.Model(inputs, OwnConvolution()(inputs))
    with pytest.raises(ValueError, match="as grouped convolutions do.*no others"):
        export_saved_model(model, tmp_path / "1")
    assert not list(tmp_path.iterdir())


def resnext():
    """Four groups in each bottleneck, with the stride on them."""
    keras_hub = pytest.importorskip("keras_hub", reason="keras-hub is not installed")
    return keras_hub.models.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=2,
        stackwise_depth=[1, 1, 1, 1],
        stackwise_strides=[2, 2, 2, 2],
        stackwise_num_filters=[8, 16, 16, 32],
        block_type="bottleneck_block",
        groups=4,
        stage_type="csp",
        bottle_ratio=[1.0],
        block_ratio=[1.0],
        expand_ratio=[2.0],
        image_shape=(None, None, 3),
    )


def check_export(model, tmp_path):
    groups = [
        layer.groups
        for layer in model._flatten_layers()
        if isinstance(layer, layers.Conv2D)
    ]
    assert max(groups) > 1
    path = export_saved_model(model, tmp_path / "1")
    images = np.random.default_rng(0).integers(0, 256, (1, 45, 67, 3), dtype="uint8")
    served = tf.saved_model.load(str(path)).signatures["probabilities"]
    result = served(images=tf.constant(images))["probabilities"]
    np.testing.assert_allclose(result, tf.nn.softmax(model(images)), atol=1e-5)


def test_a_network_of_keras_hub_is_exported(tmp_path):
    network = resnext()
    logits = ResizeLike()([layers.Conv2D(3, 1)(network.output), network.input])
    check_export(keras.Model(network.input, logits), tmp_path)


@pytest.mark.slow
def test_convnext_is_exported(tmp_path):
    """Its depthwise convolutions are written as groups."""
    network = keras.applications.ConvNeXtTiny(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    check_export(SPNet(3, network, 16, pool_sizes=(2, 1)), tmp_path)
