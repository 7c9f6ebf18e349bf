"""Feature pyramids from networks of keras-cv and from any functional network."""

from keras_seg.backbones.catalog import build, names
from keras_seg.backbones.mobilenet_v2 import mobilenet_v2
from keras_seg.backbones.pyramid import feature_pyramid, level_info
from keras_seg.backbones.resnets import resnet
from keras_seg.backbones.size_alignment import size_alignment

__all__ = [
    "build",
    "feature_pyramid",
    "level_info",
    "mobilenet_v2",
    "names",
    "resnet",
    "size_alignment",
]
