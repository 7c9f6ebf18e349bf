"""Strided features are the dilated ones, sampled."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_seg.backbones import feature_pyramid, level_info
from tests.backbones import networks
from tests.ways import BACKEND

SIZES = [(64, 96), (65, 97), (66, 99), (91, 70)]


def check(network, sizes=SIZES, tolerance=1e-5):
    networks.randomize(network)
    strided = feature_pyramid(network, 32)
    shapes = [weight.shape for weight in strided.weights]
    assert level_info(strided)["level5"][0] == 32
    for output_stride in (16, 8, 4):
        dilated = feature_pyramid(network, output_stride)
        assert level_info(dilated)["level5"][0] == output_stride
        assert [weight.shape for weight in dilated.weights] == shapes
        factors = {"level5": 32 // output_stride}
        if output_stride < 16:
            factors["level4"] = 16 // output_stride
        for size in sizes:
            images = networks.image(size)
            difference = networks.largest_difference(
                strided(images), dilated(images), factors
            )
            assert difference < tolerance, (output_stride, size)


@pytest.mark.parametrize("padding", ["same", "explicit"])
def test_residual_networks_at_every_size(padding):
    check(networks.residual(padding))


@pytest.mark.parametrize(
    "pooling",
    [
        "average",
        pytest.param(
            "average_same",
            marks=pytest.mark.skipif(
                BACKEND == "torch", reason="Keras averages repeated borders in there"
            ),
        ),
        "max",
        "max_same",
        "patches",
        "even_same",
        "separable",
    ],
)
def test_poolings_and_even_windows_at_every_size(pooling):
    # On 64 rows "valid" windows of two leave nothing out; on 91 they do, and dilated
    # ones further on then see the row that strided ones do not have.
    padded = "same" in pooling or pooling == "separable"
    check(networks.pooled(pooling), SIZES if padded else [(64, 96)])


def test_valid_windows_where_they_fit():
    """191 -> 95 -> 47 -> 23 -> 11 -> 5: nothing is left out."""
    check(networks.pooled("max_valid"), [(191, 159)])


def test_windows_that_are_no_squares_and_several_behind_one_padding():
    """As in Inception's and NASNet's blocks."""
    inputs = keras.Input((None, None, 3))
    x = inputs
    for level in range(1, 6):
        x = layers.Conv2D(4, (1, 3), padding="same")(x)
        x = layers.Conv2D(4, (3, 1), padding="same", activation="relu")(x)
        padded = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"pad{level}")(x)
        branches = [
            layers.MaxPooling2D(3, 2)(padded),
            layers.DepthwiseConv2D(3, 2)(padded),
            layers.AveragePooling2D(1, 2)(x),
        ]
        x = layers.Concatenate()(branches)
    check(keras.Model(inputs, x), [(64, 96)])


def test_a_stride_of_four_is_lost_in_part():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 4, 4, name="stem")(inputs)
    for level in (3, 4, 5):
        x = layers.Conv2D(4, 3, 2, padding="same", name=f"down{level}")(x)
    network = keras.Model(inputs, x)
    check(network, [(64, 96)])
    pyramid = feature_pyramid(network, 2)
    assert pyramid.get_layer("stem").strides == (2, 2)
    images = networks.image((64, 96))
    strided = feature_pyramid(network)(images)
    factors = {"level2": 2, "level3": 4, "level5": 16}
    assert networks.largest_difference(strided, pyramid(images), factors) < 1e-5


def test_dilation_rates_are_those_of_the_rule():
    """(1, then 2) where the first stride went, (2, then 4) where the second did."""
    pyramid = feature_pyramid(networks.residual("same"), 8)
    rates = [
        pyramid.get_layer(f"{part}{level}").dilation_rate[0]
        for level in (3, 4, 5)
        for part in ("first", "second")
    ]
    assert rates == [1, 1, 1, 2, 2, 4]


def test_own_dilation_is_multiplied():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, 2, padding="same")(inputs)
    x = layers.Conv2D(4, 3, 2, padding="same")(x)
    x = layers.Conv2D(4, 3, padding="same", dilation_rate=3, name="wide")(x)
    pyramid = feature_pyramid(keras.Model(inputs, x), 2)
    assert pyramid.get_layer("wide").dilation_rate == (6, 6)


def test_run_time_sizes_in_a_graph():
    """Padding that depends on the size is found when the graph runs."""
    network = networks.residual("same")
    networks.randomize(network)
    pyramid = feature_pyramid(network, 8)
    function = keras.Model(pyramid.input, pyramid.output["level5"])
    for size in SIZES:
        images = networks.image(size)
        expected = keras.ops.convert_to_numpy(function(images))
        # To digits of the largest: what nearly cancels has fewer of its own.
        digits = {"rtol": 1e-5, "atol": 1e-6 * np.abs(expected).max()}
        result = function.predict(images, verbose=0)
        np.testing.assert_allclose(result, expected, **digits)


def attention_network(size=None):
    inputs = keras.Input((size, size, 3))
    x = layers.Conv2D(4, 4, 4, name="patches")(inputs)
    x = layers.Conv2D(4, 2, 2, name="merging")(x)
    if size is None:
        x = layers.MultiHeadAttention(1, 4, name="attention")(x, x)
    else:
        tokens = layers.Reshape((size * size // 64, 4), name="tokens")(x)
        tokens = layers.Dense(4)(tokens)
        x = layers.Reshape((size // 8, size // 8, 4), name="map")(tokens)
    return keras.Model(inputs, x, name="transformer")


class Strange(layers.Layer):
    """A layer of convolutions that cannot be opened: it has a variable besides."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution = layers.Conv2D(4, 3, padding="same")

    def build(self, shape):
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.convolution.build(shape)

    def call(self, x):
        return self.scale * self.convolution(x)


def behind_a_stride(*behind):
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, 2, padding="same", name="first")(inputs)
    x = layers.Conv2D(4, 3, 2, padding="same", name="second")(x)
    for layer in behind:
        x = layer(x)
    return keras.Model(inputs, x, name="network")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (attention_network(), r"'attention' \(MultiHeadAttention\) attends to all"),
        (attention_network(64), r"'tokens' \(Reshape\) turns the feature"),
        (behind_a_stride(Strange(name="odd")), r"'odd' \(Strange\) contains conv"),
        (
            behind_a_stride(layers.UpSampling2D(2, name="up"), layers.MaxPooling2D(4)),
            r"'up' \(UpSampling2D\) enlarges the feature map",
        ),
        (
            behind_a_stride(layers.Conv2D(4, 3, (2, 1), name="flat")),
            r"'flat' \(Conv2D\) has different strides per axis, \(2, 1\)",
        ),
        (
            behind_a_stride(layers.Lambda(lambda x: x[:, ::2, ::2], name="pick")),
            r"'pick' \(Lambda\) downsamples without being a convolution",
        ),
    ],
)
def test_what_cannot_be_dilated_is_named(network, message):
    assert level_info(feature_pyramid(network, 8))
    with pytest.raises(ValueError, match=f"`output_stride=2` cannot be .*{message}"):
        feature_pyramid(network, 2)


def test_one_set_of_weights_at_two_dilations():
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    inputs = keras.Input((None, None, 3))
    x = layers.MaxPooling2D(2)(shared(inputs))
    x = layers.MaxPooling2D(2)(shared(x))
    network = keras.Model(inputs, shared(x))
    pyramid = feature_pyramid(network, 4)
    assert len(pyramid.weights) == 2
    with pytest.raises(ValueError, match="'shared' is called at several strides"):
        feature_pyramid(network, 2)


@pytest.mark.keras3("operations of keras.ops in a model")
def test_padding_by_an_operation():
    x = image = keras.Input((None, None, 3))
    for strides in (2, 2, 2, 2, 2, 1, 1):
        x = keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
        x = layers.Conv2D(4, 3, strides, use_bias=False)(x)
        x = layers.Activation("relu")(x)
    check(keras.Model(image, x))


@pytest.mark.keras3("operations of keras.ops in a model")
@pytest.mark.parametrize(
    "window",
    [
        lambda x: keras.ops.max_pool(x, 3, 1, "same"),
        lambda x: keras.ops.average_pool(x, 3, 1, "same"),
        lambda x: layers.Conv2DTranspose(4, 3, 1, "same")(x),
    ],
)
def test_windows_that_are_no_such_layers_are_refused(window):
    x = image = keras.Input((None, None, 3))
    for _ in range(5):
        x = layers.Conv2D(4, 3, 2, padding="same")(x)
    with pytest.raises(ValueError, match="has windows, but is no convolution or"):
        feature_pyramid(keras.Model(image, window(x)), 16)
