"""A small network with a backbone and a head, and what it learns from."""

import keras
import numpy as np

from keras_seg.backbones import feature_pyramid
from keras_seg.layers import ResizeLike, StripPooling


def small_network():
    features = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, 2, padding="same", activation="relu")(features)
    scale = keras.layers.Rescaling(1 / 255)
    backbone = feature_pyramid(keras.Model(features, x), normalization=scale)
    image = keras.Input((None, None, 3))
    x = StripPooling(name="strip_pooling")(backbone(image)["level1"])
    x = keras.layers.Conv2D(3, 1, name="classifier")(x)
    return keras.Model(image, ResizeLike()([x, image]))


def samples():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (4, 4, 6)).repeat(8, axis=1).repeat(8, axis=2)
    images = 100 * labels[..., None] + rng.uniform(0, 50, (4, 32, 48, 3))
    return images.astype("float32"), labels.astype("int32")
