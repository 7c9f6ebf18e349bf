"""SPNet as released in `models/spnet.py` of https://github.com/Andrew-Qibin/SPNet."""

from keras_seg.backbones import resnet
from keras_seg.checkpoints.key_table import inside, prefixed
from keras_seg.checkpoints.resnet_keys import SPNET_DEEP, resnet_keys
from keras_seg.models import SPNet

DEPTHS = {"spnet_resnet50": 50, "spnet_resnet101": 101}


def build(name, num_classes, normalization, auxiliary_head=True):
    """Builds a network with strip pooling (`spm_on` in all released configurations)."""
    pyramid = resnet(
        DEPTHS[name],
        output_stride=8,
        stem_filters=(64, 64, 128),
        dilation_rates={4: (4, 8, 16)},
        normalization=normalization,
    )
    return SPNet(num_classes, pyramid, auxiliary_head=auxiliary_head, name=name)


def keys(name):
    """Returns the key table of a network."""
    backbone = resnet_keys(DEPTHS[name], SPNET_DEEP)
    return prefixed(inside(backbone, "backbone"), "pretrained.") | {
        "head.trans_layer.0": "reduction.conv",
        "head.trans_layer.1": "reduction.norm",
        "head.strip_pool1.": "mixed_pooling_1",
        "head.strip_pool2.": "mixed_pooling_2",
        "head.score_layer.0": "fusion.conv",
        "head.score_layer.1": "fusion.norm",
        "head.score_layer.4": "segmentation_classifier",
        "auxlayer.conv5.0": "auxiliary_conv.conv",
        "auxlayer.conv5.1": "auxiliary_conv.norm",
        "auxlayer.conv5.4": "auxiliary_classifier",
    }
