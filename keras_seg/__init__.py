"""The context modules of four CVPR 2020 segmentation papers as Keras layers."""

from keras_seg import backbones, checkpoints, layers, losses, metrics, models, ops
from keras_seg.ops.xla import set_xla, xla_scope

__all__ = [
    "backbones",
    "checkpoints",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "set_xla",
    "xla_scope",
]

__version__ = "0.1.0"
