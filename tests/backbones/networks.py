"""Small networks, each with something that a backbone may have."""

import keras
import numpy as np
from keras import layers


def residual(padding):
    """Strided 3x3 convolutions with 1x1 shortcuts, padded "same" or by a layer."""

    def convolution(x, filters, strides, name):
        if padding == "explicit" and strides > 1:
            x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
            return layers.Conv2D(filters, 3, strides, name=name)(x)
        return layers.Conv2D(filters, 3, strides, padding="same", name=name)(x)

    inputs = x = keras.Input((None, None, 3))
    for level, filters in enumerate((4, 4, 6, 6, 8), 1):
        shortcut = layers.Conv2D(filters, 1, 2, name=f"short{level}")(x)
        x = convolution(x, filters, 2, f"first{level}")
        x = layers.BatchNormalization(name=f"norm{level}")(x)
        x = layers.ReLU(name=f"relu{level}")(x)
        x = convolution(x, filters, 1, f"second{level}")
        x = layers.Add(name=f"add{level}")([x, shortcut])
    return keras.Model(inputs, x, name="residual")


def pooled(pooling):
    """Poolings of every kind, and windows of even sizes."""
    inputs = x = keras.Input((None, None, 3))
    kinds = {
        "average": lambda i: layers.AveragePooling2D(2, name=f"pool{i}"),
        "average_same": lambda i: layers.AveragePooling2D(
            3, 2, padding="same", name=f"pool{i}"
        ),
        "max": lambda i: layers.MaxPooling2D(2, name=f"pool{i}"),
        "max_same": lambda i: layers.MaxPooling2D(
            3, 2, padding="same", name=f"pool{i}"
        ),
        "max_valid": lambda i: layers.MaxPooling2D(3, 2, name=f"pool{i}"),
        "patches": lambda i: layers.Conv2D(4, 2, 2, name=f"pool{i}"),
        "even_same": lambda i: layers.DepthwiseConv2D(
            4, 2, padding="same", name=f"pool{i}"
        ),
        "separable": lambda i: layers.SeparableConv2D(
            4, 3, 2, padding="same", name=f"pool{i}"
        ),
    }
    for level in range(1, 6):
        x = layers.Conv2D(4, 2, padding="same", name=f"even{level}")(x)
        x = layers.MaxPooling2D(3, 1, padding="same", name=f"around{level}")(x)
        x = kinds[pooling](level)(x)
    return keras.Model(inputs, x, name="pooled")


def randomize(model, seed=0):
    """Weights under which no activation dies, moving statistics included."""
    rng = np.random.default_rng(seed)
    # By path: Keras 2 and 3 have them in orders of their own.
    for weight in sorted(model.weights, key=lambda weight: weight.path):
        positive = "gamma" in weight.path or "variance" in weight.path
        fan = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 200
        if "depthwise" in weight.path:
            fan = np.prod(weight.shape[:2])
        # Gates by the mean of a map hardly move: it is another over more places.
        size = 0.1 if "squeeze" in weight.path or "_se_" in weight.path else 1
        values = rng.normal(size=weight.shape) * np.sqrt(2 / fan)
        weight.assign(size * values + positive)


def image(size, channels=3, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, (1, *size, channels)).astype("float32")


def largest_difference(strided, dilated, factors):
    """Returns the largest relative difference of dilated and strided features."""
    worst = 0.0
    for level, factor in factors.items():
        expected = keras.ops.convert_to_numpy(strided[level])
        values = keras.ops.convert_to_numpy(dilated[level])[:, ::factor, ::factor]
        rows, columns = expected.shape[1:3]
        difference = np.abs(values[:, :rows, :columns] - expected).max()
        worst = max(worst, float(difference / np.abs(expected).max()))
    return worst
