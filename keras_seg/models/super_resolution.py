"""The branches of DSRL, as functions on symbolic tensors.

`Place` tells where features lie: so that they can be enlarged to the cells of an image
that is `scale` times larger, at every size.
"""

import dataclasses

import keras

from keras_seg.layers import (
    BilinearUpsample,
    ConvNorm,
    CropToCells,
    FeatureAffinity,
    SubPixelUpsample,
    TransposedConvNorm,
)
from keras_seg.models.heads import score


@dataclasses.dataclass
class Place:
    """The low-resolution image, and the stride of the predictions to make for it."""

    image: keras.KerasTensor
    stride: int
    scale: int


def extend_decoder(x, stride, place, filters):
    """Features of a decoder at `scale` times the resolution of its predictions (SSSR).

    One bilinear resizing leaves a factor of 2, which one transposed convolution learns;
    another learns the scale. All are of few channels, since there are many pixels.
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
    return CropToCells(place.stride, place.scale, name="sssr_crop")([x, place.image])


def predict(x, channels, dropout_rate, activation, *, name):
    """What is predicted from the extended features."""
    x = score(x, channels, dropout_rate, name=name)
    # Logits keep float32's digits under mixed precision.
    return keras.layers.Activation(
        activation, dtype="float32", name=f"{name}_prediction"
    )(x)


def reconstruct(x, stride, place, filters):
    """The high-resolution image from the encoder's features (SISR).

    In the design of ESPCN, whose last convolution before the pixels' rearrangement here
    makes features, not colours: those that the affinity compares. The convolutions
    before it are batch-normalised: with ESPCN's plain tanh, the branch is stuck at the
    mean colour for as long as the main task's loss shapes the encoder.

    Returns:
        Pair of the features and the image, RGB / 255, both `(batch, scale * height,
        scale * width, channels)`.
    """
    *hidden, last = filters
    for number, (width, kernel_size) in enumerate(zip(hidden, (5, 3), strict=True), 1):
        x = ConvNorm(width, kernel_size, name=f"sisr_conv_{number}")(x)
    x = SubPixelUpsample(stride * place.scale, last, name="sisr_sub_pixel")(x)
    x = CropToCells(1, place.scale, name="sisr_crop")([x, place.image])
    x = keras.layers.Activation("tanh", name="sisr_features")(x)
    rgb = keras.layers.Conv2D(3, 3, padding="same", name="sisr_rgb")(x)
    # Colours keep float32's digits under mixed precision.
    linear = keras.layers.Activation("linear", dtype="float32", name="sisr_image")
    return x, linear(rgb)


def compare(features, reconstruction, place, order, subscale):
    """The feature affinity of the two branches, one number an image."""
    channels = reconstruction.shape[-1]
    features = ConvNorm(channels, 1, name="feature_transform")(features)
    if place.stride > 1:
        pool = keras.layers.AveragePooling2D(
            place.stride, padding="same", name="sisr_pooled"
        )
        reconstruction = pool(reconstruction)
    affinity = FeatureAffinity(order, subscale, name="affinity")
    return affinity([features, reconstruction])


def enlarge(x, place, *, name):
    """Predictions of other outputs at the size of the main one, for its targets."""
    x = BilinearUpsample(place.scale, dtype="float32", name=f"{name}_enlarged")(x)
    crop = CropToCells(place.stride, place.scale, dtype="float32", name=f"{name}_crop")
    return crop([x, place.image])
