"""Heads that several networks share, as functions on symbolic tensors."""

import keras

from keras_seg.layers import ConvNorm, ResizeLike


def classify(x, image, num_classes, dropout_rate, align_corners, name):
    """Dropout of whole channels and a 1x1 convolution to logits at the image's size."""
    x = keras.layers.SpatialDropout2D(dropout_rate, name=f"{name}_dropout")(x)
    x = keras.layers.Conv2D(num_classes, 1, name=f"{name}_classifier")(x)
    # Logits keep float32's digits under mixed precision.
    return ResizeLike(align_corners, dtype="float32", name=name)([x, image])


def fcn_head(x, image, num_classes, dropout_rate, align_corners, name):
    """A 3x3 convolution to a quarter of the channels, then logits."""
    x = ConvNorm(x.shape[-1] // 4, 3, name=f"{name}_conv")(x)
    return classify(x, image, num_classes, dropout_rate, align_corners, name)
