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
    NetworkTensor,
    SeparableConvNorm,
    SubPixelUpsample,
    TransposedConvNorm,
)
from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.models.heads import score


@dataclasses.dataclass
class Place:
    """The low-resolution image, and the stride of the predictions to make for it."""

    image: keras.KerasTensor
    stride: int
    scale: int


def extend_lightly(x, stride, place, filters):
    """Features of a decoder with `scale` times as many cells each way (SSSR).

    A sub-pixel convolution makes them of the decoder's features where these are, and a
    separable one looks at them once more. What is predicted of them is resized: the
    pixels of the larger image would cost more than the whole network.

    Returns:
        Pair of the features, of which a cell is as many pixels of the larger image as
        one of the decoder is of the image; and how many predictions that is, each way.
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
    """Features of a decoder at `scale` times the resolution of its predictions (SSSR).

    One bilinear resizing leaves a factor of 2, which one transposed convolution learns;
    another learns the scale. All are of few channels, since there are many pixels.

    Returns:
        Pair of the features and 1: there is a cell for each prediction.
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


# Of each extension: its function, and the channels after its two convolutions.
EXTENSIONS = {"light": (extend_lightly, (32, 32)), "full": (extend_fully, (64, 32))}


def predict(x, channels, reach, place, dropout_rate, activation, *, name):
    """What is predicted from extended features, of which a cell is `reach` wide."""
    x = NetworkTensor("decoder", name="extended_features")(x)
    x = score(x, channels, dropout_rate, name=name)
    if reach > 1:
        x = enlarge(x, reach, place, name=name)
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


def compare(features, reach, reconstruction, place, order, subscale):
    """The feature affinity of the two branches, one number an image.

    A cell of the features is `reach` predictions wide, and the affinity compares cells
    of `subscale` predictions, or of the features where these are wider.
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
    """Predictions bilinearly resized to the size of the main output."""
    x = BilinearUpsample(factor, dtype="float32", name=f"{name}_enlarged")(x)
    crop = CropToCells(place.stride, place.scale, dtype="float32", name=f"{name}_crop")
    return crop([x, place.image])
