from collections.abc import Sequence

import keras

from keras_seg._keras_private import layers_within
from keras_seg.layers import ConvNorm, MixedPooling, NetworkTensor, StripPooling
from keras_seg.models.backbone import extract_levels, resolve_backbone
from keras_seg.models.checks import (
    require_classes,
    require_level_for_auxiliary_head,
)
from keras_seg.models.heads import classify, corners_align, fcn_head
from keras_seg.models.strip_pooling_places import strip_pooling_places


def SPNet(
    num_classes: int,
    backbone: str | keras.Model = "resnet50",
    output_stride: int = 8,
    auxiliary_head: bool = False,
    *,
    pool_sizes: Sequence[int | Sequence[int]] = (20, 12),
    dropout_rate: float = 0.1,
    align_corners: bool | None = None,
    independent_classes: bool = False,
    name: str = "spnet",
) -> keras.Model:
    """SPNet: a dilated backbone with strip pooling, and two mixed pooling modules.

    ResNets have a `StripPooling` layer in the last block of each stage and in every
    block of the last stage; other networks have one after each level. A backbone with
    strip pooling keeps its own. The last level passes through a 1x1 convolution that
    halves its channels, two `MixedPooling` layers, a 3x3 convolution that halves the
    channels again, dropout and the classifier.

    Args:
        num_classes: int. 1 for two classes, 0 and 1, predicted by a sigmoid.
        backbone: a name from `keras_seg.backbones.names()`, a feature pyramid, which
            keeps its own output stride, or any functional `keras.Model` on images. The
            latter two are copied with their weights.
        output_stride: 8, 16 or 32.
        auxiliary_head: bool. Whether to add an FCN head on the second-to-last level.
            It is for training only; the recommended weight of its loss is 0.4.
        pool_sizes: grid sizes of `MixedPooling`. 20 and 12 suit crops of 480 at output
            stride 8; `keras_seg.models.pool_sizes` returns those that suit other crops.
        dropout_rate: float in 0..1. Rate of dropping whole channels before the
            classifiers, as in the release.
        align_corners: bool, or None. Whether resizing in the heads aligns corners. None
            means True, as in the release, for backbones that place features identically
            at every size (`keras_seg.backbones.size_alignment` is 1), else False.
        independent_classes: bool. Whether a pixel may have any number of the classes,
            each predicted by a sigmoid. Labels are then 0 and 1, `(batch, height,
            width, num_classes)`, and predictions have a mask for each class.
        name: str. Name of the model.

    Returns:
        A functional `keras.Model` from raw RGB images `(batch, height, width, 3)` in
        0..255, of any size, to float32 logits `(batch, height, width, num_classes)`.
        With `auxiliary_head`, the output is a dict of two such tensors, "segmentation"
        and "auxiliary".

    Raises:
        ValueError: If `num_classes` is not a positive integer, if the backbone is
            unknown or cannot have this output stride, or if it has no level for the
            auxiliary head.

    Example:
        ```python
        grids = pool_sizes(crop=(360, 480), output_stride=8)  # ((15, 20), (9, 12))
        model = SPNet(11, "resnet18", pool_sizes=grids)
        logits = model(images)  # (batch, 360, 480, 11) for images (batch, 360, 480, 3)
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.3.
    """
    num_classes = require_classes(num_classes)
    pyramid = resolve_backbone(backbone, output_stride, insert=_places(backbone))
    image = keras.Input(pyramid.input_shape[1:], name="image")
    *previous, last = extract_levels(pyramid, image).values()
    if auxiliary_head:
        require_level_for_auxiliary_head(previous, pyramid)
    align_corners = corners_align(align_corners, pyramid)
    head = (num_classes, dropout_rate, align_corners)

    channels = last.tensor.shape[-1] // 2
    x = NetworkTensor("encoder", name="encoder_features")(last.tensor)
    x = ConvNorm(channels, 1, name="reduction")(x)
    x = MixedPooling(pool_sizes, align_corners, name="mixed_pooling_1")(x)
    x = MixedPooling(pool_sizes, align_corners, name="mixed_pooling_2")(x)
    x = ConvNorm(channels // 2, 3, name="fusion")(x)
    x = NetworkTensor("decoder", name="decoder_features")(x)
    segmentation = classify(
        x,
        image,
        last.multiple,
        *head,
        name="segmentation",
        independent_classes=independent_classes,
    )

    if not auxiliary_head:
        return keras.Model(image, segmentation, name=name)
    filters = previous[-1].tensor.shape[-1] // 4
    auxiliary = fcn_head(
        previous[-1],
        filters,
        image,
        *head,
        name="auxiliary",
        independent_classes=independent_classes,
    )
    outputs = {"segmentation": segmentation, "auxiliary": auxiliary}
    return keras.Model(image, outputs, name=name)


def _places(backbone):
    """Returns the function that says where strip pooling is inserted."""
    if isinstance(backbone, keras.Model) and any(
        isinstance(layer, StripPooling) for layer in layers_within(backbone)
    ):
        return lambda *_: {}
    return strip_pooling_places
