"""Keys of ResNets in the authors' releases.

Each table is `{original key: layer of the pyramid}`, without a trailing ".weight".
"""

from keras_seg.backbones.resnets import BLOCKS

# The stems of the releases. The first two are those of ImageNet checkpoints.
PLAIN = {"conv1": "conv1_conv", "bn1": "conv1_bn"}  # torchvision
DEEP_IN_ROW = {  # HANet's resnet101-imagenet.pth
    "conv1": "conv1_1_conv",
    "bn1": "conv1_1_bn",
    "conv2": "conv1_2_conv",
    "bn2": "conv1_2_bn",
    "conv3": "conv1_3_conv",
    "bn3": "conv1_3_bn",
}
SPNET_DEEP = {
    "conv1.0": "conv1_1_conv",
    "conv1.1": "conv1_1_bn",
    "conv1.3": "conv1_2_conv",
    "conv1.4": "conv1_2_bn",
    "conv1.6": "conv1_3_conv",
    "bn1": "conv1_3_bn",
}
HANET_PLAIN = {"layer0.0": "conv1_conv", "layer0.1": "conv1_bn"}
HANET_DEEP = {
    "layer0.0": "conv1_1_conv",
    "layer0.1": "conv1_1_bn",
    "layer0.3": "conv1_2_conv",
    "layer0.4": "conv1_2_bn",
    "layer0.6": "conv1_3_conv",
    "layer0.7": "conv1_3_bn",
}
CPNET_DEEP = {
    "stem.0": "conv1_1_conv",
    "stem.1": "conv1_1_bn",
    "stem.3": "conv1_2_conv",
    "stem.4": "conv1_2_bn",
    "stem.6": "conv1_3_conv",
    "stem.7": "conv1_3_bn",
}

# A residual block, identical in all releases.
_BOTTLENECK = {
    "conv1": "1_conv",
    "bn1": "1_bn",
    "conv2": "2_conv",
    "bn2": "2_bn",
    "spm.": "2_relu_strip_pooling",
    "conv3": "3_conv",
    "bn3": "3_bn",
    "downsample.0": "0_conv",
    "downsample.1": "0_bn",
}


def resnet_keys(depth, stem):
    """Returns the table of a ResNet.

    Args:
        depth: 50 or 101.
        stem: one of the tables above.
    """
    return stem | {
        f"layer{stage + 1}.{block}.{key}": f"v2_stack_{stage}_block{block + 1}_{part}"
        for stage, blocks in enumerate(BLOCKS[depth])
        for block in range(blocks)
        for key, part in _BOTTLENECK.items()
    }


def pyramid_keys(pyramid, state_dict):
    """Returns the table of a ResNet pyramid for an ImageNet checkpoint, or None."""
    names = {layer.name for layer in getattr(pyramid, "layers", [])}
    if not {"v2_stack_0_block1_1_conv", "pool1_pad"} <= names:
        return None
    if "conv1_conv" in names:
        stem = PLAIN
    else:
        stem = DEEP_IN_ROW if "conv3.weight" in state_dict else SPNET_DEEP
    # One table for both depths: the blocks of ResNet-50 are among those of ResNet-101.
    return resnet_keys(101, stem)
