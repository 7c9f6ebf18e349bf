"""Feature pyramids of keras-cv's networks and of any functional network."""

from keras_seg.backbones.catalog import build, names
from keras_seg.backbones.geometry import level_info, size_alignment
from keras_seg.backbones.mobilenet_v2 import mobilenet_v2
from keras_seg.backbones.pyramid import feature_pyramid
from keras_seg.backbones.resnets import resnet

__all__ = [
    "build",
    "feature_pyramid",
    "level_info",
    "mobilenet_v2",
    "names",
    "resnet",
    "size_alignment",
]
