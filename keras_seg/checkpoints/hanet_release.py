"""HANet as released in `network/deepv3.py` of https://github.com/shachoi/HANet."""

import dataclasses

from keras_seg.backbones import mobilenet_v2, resnet
from keras_seg.checkpoints.key_table import inside
from keras_seg.checkpoints.mobilenet_v2_keys import mobilenet_v2_keys
from keras_seg.checkpoints.resnet_keys import HANET_DEEP, HANET_PLAIN, resnet_keys
from keras_seg.models import HANet

# Dilation rates of the 3x3 convolutions, the first included, of stages per output
# stride.
_DILATION = {8: {3: 2, 4: 4}, 16: {4: 2}}


@dataclasses.dataclass
class _Variant:
    """Network of the release: the depth of its ResNet and its scripts' arguments."""

    depth: int | None  # None for MobileNetV2
    output_stride: int
    reduction_ratio: int
    position_noise: float = 0.5


VARIANTS = {
    "hanet_resnet50_os8": _Variant(50, 8, 64),
    "hanet_resnet50_os16": _Variant(50, 16, 32),
    "hanet_resnet101_os8": _Variant(101, 8, 64),
    "hanet_resnet101_os16": _Variant(101, 16, 32),
    "hanet_mobilenet_v2_os16": _Variant(None, 16, 16, position_noise=0.3),
}


def build(
    name,
    num_classes,
    normalization,
    reduction_ratio=None,
    positions=False,
    auxiliary_head=True,
):
    """Builds a network with attention at points 1 to 4, as in all released scripts."""
    variant = VARIANTS[name]
    if reduction_ratio is None:
        reduction_ratio = variant.reduction_ratio
    if variant.depth is None:
        pyramid = mobilenet_v2(normalization)
    else:
        pyramid = resnet(
            variant.depth,
            variant.output_stride,
            # Only the ResNet-101 of the release has a stem of three 3x3 convolutions.
            stem_filters=(64, 64, 128) if variant.depth == 101 else None,
            dilation_rates=_DILATION[variant.output_stride],
            normalization=normalization,
        )
    return HANet(
        num_classes,
        pyramid,
        auxiliary_head=auxiliary_head,
        reduction_ratio=reduction_ratio,
        positions=positions,
        position_noise=variant.position_noise,
        dropout_rate=0.0,
        auxiliary_dropout_rate=0.1,
        auxiliary_bias=True,
        name=name,
    )


def keys(name):
    """Returns the key table of a network."""
    depth = VARIANTS[name].depth
    if depth is None:
        backbone = mobilenet_v2_keys()
    else:
        backbone = resnet_keys(depth, HANET_DEEP if depth == 101 else HANET_PLAIN)
    return inside(backbone, "backbone") | {
        "aspp.features.0.0": "aspp.point_branch.conv",
        "aspp.features.0.1": "aspp.point_branch.norm",
        "aspp.features.1.0": "aspp.dilated_branches.0.conv",
        "aspp.features.1.1": "aspp.dilated_branches.0.norm",
        "aspp.features.2.0": "aspp.dilated_branches.1.conv",
        "aspp.features.2.1": "aspp.dilated_branches.1.norm",
        "aspp.features.3.0": "aspp.dilated_branches.2.conv",
        "aspp.features.3.1": "aspp.dilated_branches.2.norm",
        "aspp.img_conv.0": "aspp.image_branch.conv",
        "aspp.img_conv.1": "aspp.image_branch.norm",
        "bot_fine.0": "low_level_projection.conv",
        "bot_fine.1": "low_level_projection.norm",
        "bot_aspp.0": "aspp_projection.conv",
        "bot_aspp.1": "aspp_projection.norm",
        "final1.0": "decoder_1.conv",
        "final1.1": "decoder_1.norm",
        "final1.3": "decoder_2.conv",
        "final1.4": "decoder_2.norm",
        "final2.0": "segmentation_classifier",
        "dsn.0": "auxiliary_conv.conv",
        "dsn.1": "auxiliary_conv.norm",
        "dsn.4": "auxiliary_classifier",
        "hanet0.": "height_attention_1",
        "hanet1.": "height_attention_2",
        "hanet2.": "height_attention_3",
        "hanet3.": "height_attention_4",
    }
