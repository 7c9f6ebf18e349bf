"""CPNet as released in https://github.com/yu-changqian/ContextPrior.

The release is an extension of mmsegmentation: the configuration is
`config/cpnet_r50-d8.py`, the head `decode_head/cp_head.py`; the backbone and the
auxiliary head are mmsegmentation's `ResNetV1c` and `FCNHead`.
"""

import keras

from keras_seg.backbones import resnet
from keras_seg.checkpoints.key_table import inside, prefixed
from keras_seg.checkpoints.resnet_keys import CPNET_DEEP, resnet_keys
from keras_seg.layers import ContextPriorLayer, ConvNorm, NetworkOutput
from keras_seg.models import CPNet
from keras_seg.models.heads import score

_PRIOR_SIZE = (64, 64)  # for crops of 512 x 512 pixels
_HEAD = {
    "": "context_prior_layer",
    "bottleneck.conv": "bottleneck.conv",
    "bottleneck.bn": "bottleneck.norm",
    "conv_seg": "segmentation_classifier",
}


def build(
    name,
    num_classes,
    normalization,
    prior_size=_PRIOR_SIZE,
    filters=512,
    kernel_size=11,
    head_filters=512,
    auxiliary_head=True,
):
    """Builds the network on a ResNet-50 at output stride 8, without multi-grid."""
    pyramid = resnet(
        50, output_stride=8, stem_filters=(32, 32, 64), normalization=normalization
    )
    return CPNet(
        num_classes,
        pyramid,
        auxiliary_head=auxiliary_head,
        prior_size=prior_size,
        filters=filters,
        kernel_size=kernel_size,
        head_filters=head_filters,
        name=name,
    )


def build_head(
    name,
    num_classes,
    normalization,
    in_channels=2048,
    filters=512,
    head_filters=512,
    prior_size=_PRIOR_SIZE,
    kernel_size=11,
):
    """Builds the head alone. It takes features, so `normalization` is ignored."""
    features = keras.Input((None, None, in_channels), name="features")
    layer = ContextPriorLayer(
        filters, prior_size, kernel_size, name="context_prior_layer"
    )
    x, prior = layer(features)
    x = ConvNorm(head_filters, 3, name="bottleneck")(x)
    x = score(x, num_classes, dropout_rate=0.1, name="segmentation")
    # Logits stay in float32 under mixed precision.
    logits = keras.layers.Activation("linear", dtype="float32", name="float32")(x)
    outputs = {
        "segmentation": NetworkOutput(name="segmentation")(logits),
        "context_prior": NetworkOutput(training_only=True, name="context_prior")(prior),
    }
    return keras.Model(features, outputs, name=name)


def keys(name):
    """Returns the key table of the network."""
    backbone = resnet_keys(50, CPNET_DEEP)
    return (
        prefixed(inside(backbone, "backbone"), "backbone.")
        | prefixed(_HEAD, "decode_head.")
        | {
            "auxiliary_head.convs.0.conv": "auxiliary_conv.conv",
            "auxiliary_head.convs.0.bn": "auxiliary_conv.norm",
            "auxiliary_head.conv_seg": "auxiliary_classifier",
        }
    )


def head_keys(name):
    """Returns the key table of the head alone."""
    return _HEAD
