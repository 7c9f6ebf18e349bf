import re

from keras_seg.layers import StripPooling

# The place of an SPM in a residual block of keras-cv: behind the 3x3 convolution of a
# bottleneck with its batch norm and ReLU, or, in a block of two convolutions, behind
# the second one's batch norm and so before the addition.
_BOTTLENECK = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_relu")
_BASIC_BLOCK = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_bn")
# In a ResNetV2, whose batch norms come first.
_BASIC_BLOCK_V2 = re.compile(r"(.*)_stack_(\d+)_block(\d+)_2_conv")


def strip_pooling_places(layer_names, levels):
    """Where SPNet puts strip pooling into a backbone, for any network on it.

    Given as `insert` to `keras_seg.backbones.build` and `feature_pyramid`: a
    `StripPooling` in the last block of each stage of a ResNet and in every block of the
    last stage; in other networks behind each level's tensor.

    Args:
        layer_names: list of the names of the network's layers, in order.
        levels: dict `{level: layer name}`.

    Returns:
        dict `{layer name: unbuilt StripPooling}`.

    Example: `HANet(11, build("resnet50", 8, insert=strip_pooling_places))`

    Reference: [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.3.
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
