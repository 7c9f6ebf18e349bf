import re

import keras

from keras_seg.layers import ConvNorm, MixedPooling, NetworkTensor, StripPooling
from keras_seg.models.backbone import extract_levels, resolve_backbone
from keras_seg.models.checks import require_classes
from keras_seg.models.heads import classify, fcn_head

# The place of an SPM in a residual block of keras-cv: behind the 3x3 convolution of a
# bottleneck with its batch norm and ReLU, or, in a block of two convolutions, behind
# the second one's batch norm and so before the addition.
_BOTTLENECK = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_relu")
_BASIC_BLOCK = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_bn")
# In a ResNetV2, whose batch norms come first.
_BASIC_BLOCK_V2 = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_conv")


def SPNet(
    num_classes,
    backbone="resnet50",
    output_stride=8,
    auxiliary_head=False,
    pool_sizes=(20, 12),
    dropout_rate=0.1,
    align_corners=True,
    name="spnet",
):
    """SPNet: a dilated backbone with strip pooling, and two mixed pooling modules.

    In ResNets a `StripPooling` sits in the last block of each stage and in every block
    of the last stage; in other networks behind each level's tensor. The last level
    then passes a 1x1 convolution to half its channels, two `MixedPooling`, a 3x3
    convolution to half of that, dropout and the classifier.

    Args:
        num_classes: int. 1 for two classes, 0 and 1, of which a sigmoid decides.
        backbone: a name of `keras_seg.backbones.names()`; a feature pyramid, which
            keeps its own output stride; or any functional `keras.Model` on images. The
            latter two are copied with their weights.
        output_stride: 8, 16 or 32.
        auxiliary_head: bool. Adds an FCN head on the level before the last, for
            training only, where its loss counts 0.4.
        pool_sizes: the grids of `MixedPooling`. 20 and 12 suit crops of 480 at output
            stride 8; take others where a grid has more bins than the features cells.
        dropout_rate: float. Before the classifiers, whole channels as released.
        align_corners: bool. How maps are resized in the heads; True as released.
        name: str. The model's name.

    Returns:
        A functional `keras.Model` from raw RGB `(batch, height, width, 3)` in 0..255,
        of any size, to float32 logits `(batch, height, width, num_classes)`; with
        `auxiliary_head` to the dict of "segmentation" and "auxiliary", both of these.

    Raises:
        ValueError: If `num_classes` is not a positive int, or the backbone is unknown
            or cannot have this output stride.

    Example:

    ```python
    model = SPNet(num_classes=11, backbone="resnet18", pool_sizes=((15, 20), (9, 12)))
    logits = model(images)  # (batch, 360, 480, 11) for images (batch, 360, 480, 3)
    ```

    Reference: [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.3.
    """
    require_classes(num_classes)
    pyramid = resolve_backbone(backbone, output_stride, insert=strip_pooling_places)
    image = keras.Input(pyramid.input_shape[1:], name="image")
    *_, previous, last = extract_levels(pyramid, image).values()
    head = (num_classes, dropout_rate, align_corners)

    channels = last.tensor.shape[-1] // 2
    x = NetworkTensor("encoder", name="encoder_features")(last.tensor)
    x = ConvNorm(channels, 1, name="reduction")(x)
    x = MixedPooling(pool_sizes, align_corners, name="mixed_pooling_1")(x)
    x = MixedPooling(pool_sizes, align_corners, name="mixed_pooling_2")(x)
    x = ConvNorm(channels // 2, 3, name="fusion")(x)
    x = NetworkTensor("decoder", name="decoder_features")(x)
    segmentation = classify(x, image, last.multiple, *head, name="segmentation")

    if not auxiliary_head:
        return keras.Model(image, segmentation, name=name)
    filters = previous.tensor.shape[-1] // 4
    auxiliary = fcn_head(previous, filters, image, *head, name="auxiliary")
    outputs = {"segmentation": segmentation, "auxiliary": auxiliary}
    return keras.Model(image, outputs, name=name)


def strip_pooling_places(layer_names, levels):
    """Where SPNet puts its SPMs: the `insert` of `feature_pyramid`.

    Args:
        layer_names: list of the names of the network's layers, in order.
        levels: dict `{level: layer name}`.

    Returns:
        dict `{layer name: unbuilt StripPooling}`.
    """
    places = (
        _last_blocks(_BOTTLENECK, layer_names)
        or _last_blocks(_BASIC_BLOCK, layer_names)
        or _last_blocks(_BASIC_BLOCK_V2, layer_names)
        or levels.values()
    )
    return {place: StripPooling(name=f"{place}_strip_pooling") for place in places}


def _last_blocks(pattern, layer_names):
    """Layers in the last block of each stage and in all blocks of the last stage."""
    blocks = {}
    for match in filter(None, map(pattern.fullmatch, layer_names)):
        stage, block = int(match[2]), int(match[3])
        blocks.setdefault(stage, {})[block] = match[0]
    return [
        layer_name
        for stage, stage_blocks in blocks.items()
        for block, layer_name in stage_blocks.items()
        if stage == max(blocks) or block == max(stage_blocks)
    ]
