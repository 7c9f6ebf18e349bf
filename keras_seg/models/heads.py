"""Heads that several networks share, as functions on symbolic tensors."""

import keras

from keras_seg.layers import ConvNorm, NetworkOutput, NetworkTensor, ResizeLike


def classify(
    x,
    image,
    multiple,
    num_classes,
    dropout_rate,
    align_corners,
    *,
    name,
    training_only=False,
):
    """Dropout of whole channels and a 1x1 convolution to logits at the image's size."""
    x = score(x, num_classes, dropout_rate, name=name)
    x = resize_logits(x, image, multiple, align_corners, name=name)
    return NetworkOutput(training_only=training_only, name=name)(x)


def score(x, num_classes, dropout_rate, *, name):
    """Dropout of whole channels and a 1x1 convolution to logits."""
    x = keras.layers.SpatialDropout2D(dropout_rate, name=f"{name}_dropout")(x)
    x = keras.layers.Conv2D(num_classes, 1, name=f"{name}_classifier")(x)
    return NetworkTensor("logits", name=f"{name}_logits")(x)


def resize_logits(x, image, multiple, align_corners, *, name):
    """Logits at the image's size.

    They reach as far as the next `multiple` of the image's sides: see `Level`.
    """
    # Logits keep float32's digits under mixed precision.
    resize = ResizeLike(align_corners, multiple, dtype="float32", name=f"{name}_resize")
    return resize([x, image])


def fcn_head(level, filters, image, *head, name, use_bias=False):
    """A 3x3 convolution on a `Level`, then logits that only training needs."""
    x = ConvNorm(filters, 3, use_bias=use_bias, name=f"{name}_conv")(level.tensor)
    return classify(x, image, level.multiple, *head, name=name, training_only=True)
