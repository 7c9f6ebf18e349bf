from typing import Any

import keras

from keras_seg.backbones import level_info
from keras_seg.layers import (
    AtrousSpatialPyramidPooling,
    ConvNorm,
    NetworkOutput,
    NetworkTensor,
    ResizeLike,
    SeparableConvNorm,
)
from keras_seg.models.backbone import extract_levels, resolve_backbone
from keras_seg.models.checks import require_classes
from keras_seg.models.decoder_options import DecoderOptions
from keras_seg.models.heads import corners_align, fcn_head, resize_logits, score


def DeepLabV3Plus(
    num_classes: int,
    backbone: str | keras.Model = "resnet50",
    output_stride: int = 8,
    auxiliary_head: bool = False,
    *,
    name: str = "deeplab_v3_plus",
    **decoder: Any,
) -> keras.Model:
    """DeepLabV3+: atrous spatial pyramid pooling and a decoder with finer features.

    The last level passes through `AtrousSpatialPyramidPooling` and a 1x1 convolution.
    The result is resized to the low-level features at stride 4 and concatenated with a
    1x1 projection of them. Two 3x3 convolutions and the classifier follow.

    Args:
        num_classes: int. 1 for two classes, 0 and 1, predicted by a sigmoid.
        backbone: a name from `keras_seg.backbones.names()`, a feature pyramid, which
            keeps its own output stride, or any functional `keras.Model` on images.
        output_stride: 8, 16 or 32.
        auxiliary_head: bool. Whether to add an FCN head on the second-to-last level.
            It is for training only; the recommended weight of its loss is 0.4.
        name: str. Name of the model.
        **decoder: `filters=256`, `low_level_filters=48`, `dilation_rates=None`,
            `separable=False`, `dropout_rate=0.1`, `align_corners=None`,
            `refinement_filters=None`, `auxiliary_dropout_rate=None`,
            `auxiliary_bias=False` and `independent_classes=False`; see
            `keras_seg.models.DecoderOptions`.

    Returns:
        A functional `keras.Model` from raw RGB images `(batch, height, width, 3)` in
        0..255, of any size, to float32 logits `(batch, height, width, num_classes)`.
        With `auxiliary_head`, the output is a dict of two such tensors, "segmentation"
        and "auxiliary".

    Raises:
        TypeError: If a keyword argument is not an option of the decoder.
        ValueError: If `num_classes` is not a positive integer, if the backbone is
            unknown or cannot have this output stride, if it has fewer than two levels
            of stride 4 or more, or if it has no finer level for a refinement.

    Example:
        ```python
        model = DeepLabV3Plus(11, "mobilenet_v3_small", 16, separable=True)
        logits = model(images)  # (batch, 360, 480, 11) for images (batch, 360, 480, 3)
        ```

    References:
        [Chen et al., 2018](https://arxiv.org/abs/1802.02611), section 3. The second 3x3
        convolution and the auxiliary head are those of HANet's release.
    """
    num_classes = require_classes(num_classes)
    options = DecoderOptions.of(decoder, "DeepLabV3Plus")
    pyramid = resolve_backbone(backbone, output_stride)
    image = keras.Input(pyramid.input_shape[1:], name="image")
    outputs = assemble(image, pyramid, num_classes, auxiliary_head, options)
    return keras.Model(image, outputs, name=name)


def assemble(
    image,
    pyramid,
    num_classes,
    auxiliary_head,
    options,
    attend=lambda point, low, high: high,
):
    """Returns the outputs of DeepLabV3+ on a symbolic image.

    Args:
        image: symbolic image `(batch, height, width, channels)`.
        pyramid: feature pyramid.
        num_classes, auxiliary_head: see `DeepLabV3Plus`.
        options: `DecoderOptions`.
        attend: function `(point, low, high) -> high`, called at the five points where
            HANet weights higher-level features by attention from lower-level ones.
    """
    levels = extract_levels(pyramid, image)
    low_level, previous, last = _levels(levels, pyramid)
    align_corners = corners_align(options.align_corners, pyramid)

    dilation_rates = options.dilation_rates
    if dilation_rates is None:
        dilation_rates = default_dilation_rates(output_stride(pyramid))
    x = attend(1, previous.tensor, last.tensor)
    pooled = AtrousSpatialPyramidPooling(
        options.filters,
        dilation_rates,
        options.separable,
        name="aspp",
    )(x)
    pooled = attend(2, x, pooled)
    x = ConvNorm(options.filters, 1, name="aspp_projection")(pooled)
    x = attend(3, pooled, x)

    project = ConvNorm(options.low_level_filters, 1, name="low_level_projection")
    fine = project(low_level.tensor)
    reach = last.multiple // low_level.multiple
    x = ResizeLike(align_corners, reach, name="aspp_resize")([x, fine])
    fused = keras.layers.Concatenate(name="fusion")([fine, x])
    fused = NetworkTensor("encoder", name="encoder_features")(fused)
    conv = _convolution(options)
    x = conv(options.filters, 3, name="decoder_1")(fused)
    x = conv(options.filters, 3, name="decoder_2")(x)
    x = attend(4, fused, x)

    multiple = low_level.multiple
    if options.refinement_filters is not None:
        finer = _finer_level(levels, low_level, pyramid)
        x = _refine(x, finer, multiple // finer.multiple, options, align_corners)
        multiple = finer.multiple

    x = NetworkTensor("decoder", name="decoder_features")(x)
    logits = score(x, num_classes, options.dropout_rate, name="segmentation")
    logits = attend(5, x, logits)
    segmentation = resize_logits(
        logits, image, multiple, align_corners, name="segmentation"
    )
    segmentation = NetworkOutput(
        independent_classes=options.independent_classes, name="segmentation"
    )(segmentation)
    if not auxiliary_head:
        return segmentation
    dropout_rate = options.auxiliary_dropout_rate
    if dropout_rate is None:
        dropout_rate = options.dropout_rate
    auxiliary = fcn_head(
        previous,
        2 * options.filters,
        image,
        num_classes,
        dropout_rate,
        align_corners,
        name="auxiliary",
        use_bias=options.auxiliary_bias,
        independent_classes=options.independent_classes,
    )
    return {"segmentation": segmentation, "auxiliary": auxiliary}


def output_stride(pyramid):
    """Returns the true stride of a pyramid's last level."""
    return max(level_info(pyramid).items())[1][0]


def default_dilation_rates(stride):
    """Returns DeepLab's 6, 12 and 18 at output stride 16, scaled for other strides."""
    return tuple(max(rate * 16 // stride, 1) for rate in (6, 12, 18))


def _levels(levels, pyramid):
    """Returns the low-level, the second-to-last and the last level."""
    coarse = [level for name, level in levels.items() if name >= "level2"]
    if len(coarse) < 2:
        raise ValueError(
            "The backbone must have two levels or more with a stride of at least 4. "
            f"Received: {pyramid.name!r} with {sorted(levels)}"
        )
    return coarse[0], *coarse[-2:]


def _finer_level(levels, low_level, pyramid):
    """Returns the level next finer than `low_level`, for the refinement."""
    finer = [level for level in levels.values() if level.stride < low_level.stride]
    if not finer:
        raise ValueError(
            "`refinement_filters` requires a backbone with a level finer than stride "
            f"{low_level.stride}. Received: {pyramid.name!r} with {sorted(levels)}"
        )
    return max(finer, key=lambda level: level.stride)


def _refine(x, finer, reach, options, align_corners):
    """Resizes the decoder's features to a finer level and fuses them with it."""
    filters = options.refinement_filters
    fine = ConvNorm(filters // 2, 1, name="refinement_projection")(finer.tensor)
    x = ConvNorm(filters, 1, name="refinement_reduction")(x)
    x = ResizeLike(align_corners, reach, name="refinement_resize")([x, fine])
    x = keras.layers.Concatenate(name="refinement_fusion")([fine, x])
    return _convolution(options)(filters, 3, name="refinement")(x)


def _convolution(options):
    """Returns the class of the decoder's 3x3 convolutions."""
    return SeparableConvNorm if options.separable else ConvNorm
