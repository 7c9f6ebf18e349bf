"""Small networks that tests of all packages share: they build and train in a moment."""

import keras
import numpy as np

from keras_seg.layers import ConvNorm, HeightDrivenAttention
from keras_seg.models import DSRL, CPNet, DeepLabV3Plus, HANet, SPNet, prior_size

SIZE = prior_size((32, 48), 8)  # of the prior of `tiny_cpnet`
POINTS = (1, 2, 3, 4, 5)  # where `tiny_hanet` has attention: everywhere


def tiny_network():
    """A backbone of plain convolutions."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    for filters in (8, 8, 16, 16, 32):
        x = keras.layers.Conv2D(
            filters, 3, strides=2, padding="same", activation="relu"
        )(x)
    return keras.Model(inputs, x)


def tiny_norm_network():
    """A backbone with batch norms, and with pooling in place of strides."""
    x = image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(x)
    for filters in (8, 8, 12, 16):
        x = ConvNorm(filters, 3)(x)
        x = keras.layers.MaxPooling2D(2, padding="same")(x)
    return keras.Model(image, x)


def tiny_spnet(num_classes=3, **options):
    options = {
        "output_stride": 8,
        "auxiliary_head": True,
        "pool_sizes": (2, 1),
    } | options
    return SPNet(num_classes, tiny_network(), **options)


def tiny_deeplab(num_classes=3, **options):
    options = {"output_stride": 8, "filters": 8, "low_level_filters": 4} | options
    return DeepLabV3Plus(num_classes, tiny_network(), **options)


def cheap_deeplab(num_classes=3, **options):
    """The cheapest network with two outputs, for tests of what works with any."""
    options = {"auxiliary_head": True, "dilation_rates": (2,)} | options
    return tiny_deeplab(num_classes, **options)


def tiny_hanet(num_classes=3, **options):
    options = {
        "output_stride": 8,
        "filters": 8,
        "low_level_filters": 4,
        "reduction_ratio": 4,
        "points": POINTS,
    } | options
    return HANet(num_classes, tiny_network(), **options)


def randomize(model):
    """Gives the attention of a HANet something to say about the position."""
    rng = np.random.default_rng(0)
    for layer in attentions(model):
        for weight in layer.trainable_weights:
            weight.assign(rng.normal(size=weight.shape))
    return model


def attentions(model):
    """The layers of a HANet's attention."""
    found = [x for x in model.layers if isinstance(x, HeightDrivenAttention)]
    return sorted(found, key=lambda layer: layer.name)


def tiny_cpnet(num_classes=3, **options):
    options = {
        "output_stride": 8,
        "prior_size": SIZE,
        "filters": 8,
        "kernel_size": 3,
        "head_filters": 8,
        "dropout_rate": 0.0,
    } | options
    return CPNet(num_classes, tiny_network(), **options)


def tiny_dsrl(num_classes=4, **options):
    options = {
        "output_stride": 8,
        "filters": 8,
        "low_level_filters": 4,
        "extension_filters": (8, 6),
        "reconstruction_filters": (8, 6, 4),
        "affinity_subscale": 4,
    } | options
    return DSRL(num_classes, tiny_norm_network(), **options)
