"""Heads that several networks share, as functions on symbolic tensors."""

import keras

from keras_seg.layers import ConvNorm, ResizeLike


def classify(x, image, multiple, num_classes, dropout_rate, align_corners, *, name):
    """Dropout of whole channels and a 1x1 convolution to logits at the image's size."""
    x = score(x, num_classes, dropout_rate, name=name)
    return resize_logits(x, image, multiple, align_corners, name=name)


def score(x, num_classes, dropout_rate, *, name):
    """Dropout of whole channels and a 1x1 convolution to logits."""
    x = keras.layers.SpatialDropout2D(dropout_rate, name=f"{name}_dropout")(x)
    return keras.layers.Conv2D(num_classes, 1, name=classifier_name(name))(x)


def resize_logits(x, image, multiple, align_corners, *, name):
    """Logits at the image's size, under the name of the output.

    They reach as far as the next `multiple` of the image's sides: see `Level`.
    """
    # Logits keep float32's digits under mixed precision.
    resize = ResizeLike(align_corners, multiple, dtype="float32", name=name)
    return resize([x, image])


def classifier_name(output):
    """The name of the layer whose filters are the classes of an output."""
    return f"{output}_classifier"


def fcn_head(level, filters, image, *head, name, use_bias=False):
    """A 3x3 convolution on a `Level`, then logits."""
    x = ConvNorm(filters, 3, use_bias=use_bias, name=f"{name}_conv")(level.tensor)
    return classify(x, image, level.multiple, *head, name=name)
