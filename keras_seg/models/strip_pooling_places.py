import re
from collections.abc import Mapping, Sequence

import keras

from keras_seg.layers import StripPooling

# Layers of keras-cv's residual blocks that are followed by strip pooling: in a
# bottleneck, the ReLU after the 3x3 convolution; in a block of two convolutions, the
# batch norm of the second one, before the addition.
_BOTTLENECK = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_relu")
_BASIC_BLOCK = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_bn")
# ResNetV2 has its batch norms before the convolutions.
_BASIC_BLOCK_V2 = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_conv")


def strip_pooling_places(
    layer_names: Sequence[str], levels: Mapping[str, str]
) -> dict[str, StripPooling]:
    """Returns the strip pooling layers that SPNet inserts into a backbone.

    Pass this function as `insert` to `keras_seg.backbones.build` or `feature_pyramid`
    to use strip pooling in other networks. In a ResNet, it inserts a `StripPooling`
    layer into the last block of each stage and into every block of the last stage; in
    other networks, after each level.

    Args:
        layer_names: list of the names of the network's layers, in order.
        levels: dict `{level: layer name}`.

    Returns:
        dict `{layer name: unbuilt StripPooling}`.

    Example:
        ```python
        HANet(11, build("resnet18", 8, insert=strip_pooling_places))
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.3.
    """
    places = (
        _last_blocks(_BOTTLENECK, layer_names)
        or _last_blocks(_BASIC_BLOCK, layer_names)
        or _last_blocks(_BASIC_BLOCK_V2, layer_names)
        or levels.values()
    )
    # Nearly open gates keep the features of a pretrained network at first.
    opened = keras.initializers.Constant(3.0)
    return {
        place: StripPooling(bias_initializer=opened, name=f"{place}_strip_pooling")
        for place in places
    }


def _last_blocks(pattern, layer_names):
    """Returns layers in the last block of each stage and all blocks of the last one."""
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
