"""Heads that several networks share, as functions on symbolic tensors."""

import keras

from keras_seg.backbones import size_alignment
from keras_seg.layers import (
    Conv2D,
    ConvNorm,
    NetworkOutput,
    NetworkTensor,
    ResizeLike,
)


def corners_align(align_corners, pyramid):
    """Returns whether resizing aligns corners; see `DecoderOptions`."""
    if align_corners is None:
        return size_alignment(pyramid) == 1
    return align_corners


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
    independent_classes=False,
):
    """Applies channel dropout and a 1x1 convolution; resizes logits to the image."""
    x = score(x, num_classes, dropout_rate, name=name)
    x = resize_logits(x, image, multiple, align_corners, name=name)
    return NetworkOutput(
        training_only=training_only, independent_classes=independent_classes, name=name
    )(x)


def score(x, num_classes, dropout_rate, *, name):
    """Applies dropout of whole channels and a 1x1 convolution to logits."""
    x = keras.layers.SpatialDropout2D(dropout_rate, name=f"{name}_dropout")(x)
    x = Conv2D(num_classes, 1, name=f"{name}_classifier")(x)
    return NetworkTensor("logits", name=f"{name}_logits")(x)


def resize_logits(x, image, multiple, align_corners, *, name):
    """Resizes logits to the size of the image.

    They cover the image up to the next `multiple` of its sides; see `Level`.
    """
    # Logits stay in float32 under mixed precision.
    resize = ResizeLike(align_corners, multiple, dtype="float32", name=f"{name}_resize")
    return resize([x, image])


def fcn_head(
    level, filters, image, *head, name, use_bias=False, independent_classes=False
):
    """Applies a 3x3 convolution to a `Level` and computes training-only logits."""
    x = ConvNorm(filters, 3, use_bias=use_bias, name=f"{name}_conv")(level.tensor)
    return classify(
        x,
        image,
        level.multiple,
        *head,
        name=name,
        training_only=True,
        independent_classes=independent_classes,
    )
