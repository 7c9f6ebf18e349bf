"""Branches of DSRL, as functions on symbolic tensors.

A `Place` holds the image and the strides by which features can be enlarged to the cells
of an image that is `scale` times larger, at every image size.
"""

import dataclasses

import keras

from keras_seg.layers import (
    BilinearUpsample,
    ConvNorm,
    CropToCells,
    FeatureAffinity,
    NetworkTensor,
    SeparableConvNorm,
    SubPixelUpsample,
    TransposedConvNorm,
)
from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.models.heads import score


@dataclasses.dataclass
class Place:
    """Low-resolution image, the stride of its predictions, and the scale."""

    image: keras.KerasTensor
    stride: int
    scale: int


def extend_lightly(x, stride, place, filters):
    """Enlarges decoder features to `scale` times as many cells per axis (SSSR).

    A sub-pixel convolution enlarges the features at their own resolution, and a
    separable convolution refines them. The predictions are resized afterwards, because
    features for each pixel of the larger image would cost more than the whole network.

    Returns:
        Pair of the features, which have the decoder's stride in the larger image, and
        the number of predictions per cell along each axis.
    """
    first, last = filters
    x = SubPixelUpsample(place.scale, first, kernel_size=1, name="sssr_sub_pixel")(x)
    norm = BatchNormalization(momentum=0.9, epsilon=1e-5, name="sssr_sub_pixel_norm")
    x = norm(x)
    x = keras.layers.ReLU(name="sssr_sub_pixel_relu")(x)
    x = CropToCells(stride, place.scale, name="sssr_crop")([x, place.image])
    x = SeparableConvNorm(last, 3, name="sssr_conv")(x)
    return x, stride // place.stride


def extend_fully(x, stride, place, filters):
    """Enlarges decoder features to `scale` times the predictions' resolution (SSSR).

    Bilinear resizing enlarges the features up to a factor of 2, one transposed
    convolution learns this factor, and another learns the scale. All have few channels,
    because there are many pixels.

    Returns:
        Pair of the features and 1, the number of predictions per cell along each axis.
    """
    first, last = filters
    x = ConvNorm(first, 1, name="sssr_projection")(x)
    reach = stride // place.stride
    if reach % 2 == 0:
        if reach > 2:
            x = BilinearUpsample(reach // 2, name="sssr_bilinear")(x)
        x = CropToCells(2 * place.stride, name="sssr_bilinear_crop")([x, place.image])
        x = TransposedConvNorm(first, 2, name="sssr_1")(x)
    elif reach > 1:
        x = BilinearUpsample(reach, name="sssr_bilinear")(x)
    x = TransposedConvNorm(last, place.scale, name="sssr_2")(x)
    x = CropToCells(place.stride, place.scale, name="sssr_crop")([x, place.image])
    return x, 1


# For each extension: its function, and the channels after its two convolutions.
EXTENSIONS = {"light": (extend_lightly, (32, 32)), "full": (extend_fully, (64, 32))}


def predict(x, channels, reach, place, dropout_rate, activation, coarse, *, name):
    """Predicts from extended features with `reach` predictions per cell and axis.

    With the decoder's features `coarse`, the extended features predict what is added to
    a prediction from these, so that they only have to learn the detail.
    """
    x = NetworkTensor("decoder", name="extended_features")(x)
    if coarse is None:
        x = score(x, channels, dropout_rate, name=name)
    else:
        detail = score(x, channels, dropout_rate, name=f"{name}_detail")
        x = score(coarse, channels, dropout_rate, name=name)
        x = BilinearUpsample(place.scale, name=f"{name}_coarse")(x)
        crop = CropToCells(
            reach * place.stride, place.scale, name=f"{name}_coarse_crop"
        )
        x = keras.layers.Add(name=f"{name}_sum")([crop([x, place.image]), detail])
    if reach > 1:
        x = enlarge(x, reach, place, name=name)
    # Logits stay in float32 under mixed precision.
    return keras.layers.Activation(
        activation, dtype="float32", name=f"{name}_prediction"
    )(x)


def reconstruct(x, stride, place, filters):
    """Reconstructs the high-resolution image from the encoder's features (SISR).

    The design is that of ESPCN, except that its sub-pixel convolution computes
    features, which the affinity compares, instead of colors. The convolutions before
    it have batch norms: with ESPCN's plain tanh, the branch predicts the mean color
    for as long as the loss of the main task shapes the encoder.

    Returns:
        Pair of the features and the image / 255, both
        `(batch, scale * height, scale * width, channels)`. A gray image has three
        channels, which learn the same.
    """
    *hidden, last = filters
    for number, (width, kernel_size) in enumerate(zip(hidden, (5, 3), strict=True), 1):
        x = ConvNorm(width, kernel_size, name=f"sisr_conv_{number}")(x)
    x = SubPixelUpsample(stride * place.scale, last, name="sisr_sub_pixel")(x)
    x = CropToCells(1, place.scale, name="sisr_crop")([x, place.image])
    x = keras.layers.Activation("tanh", name="sisr_features")(x)
    channels = place.image.shape[-1]
    channels = 3 if channels == 1 else channels
    rgb = keras.layers.Conv2D(channels, 3, padding="same", name="sisr_rgb")(x)
    # Colors stay in float32 under mixed precision.
    linear = keras.layers.Activation("linear", dtype="float32", name="sisr_image")
    return x, linear(rgb)


def compare(features, reach, reconstruction, place, order, subscale):
    """Computes the feature affinity of the two branches, one number per image.

    A cell of the features is `reach` predictions wide. The affinity compares cells that
    are `subscale` predictions wide, or those of the features if these are wider.
    """
    channels = reconstruction.shape[-1]
    features = ConvNorm(channels, 1, name="feature_transform")(features)
    if reach * place.stride > 1:
        pool = keras.layers.AveragePooling2D(
            reach * place.stride, padding="same", name="sisr_pooled"
        )
        reconstruction = pool(reconstruction)
    affinity = FeatureAffinity(order, max(subscale // reach, 1), name="affinity")
    return affinity([features, reconstruction])


def enlarge(x, factor, place, *, name):
    """Resizes predictions bilinearly to the size of the main output."""
    x = BilinearUpsample(factor, dtype="float32", name=f"{name}_enlarged")(x)
    crop = CropToCells(place.stride, place.scale, dtype="float32", name=f"{name}_crop")
    return crop([x, place.image])
