"""The papers' modules and their parts as Keras layers."""

from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.mixed_pooling import MixedPooling
from keras_seg.layers.resize_like import ResizeLike
from keras_seg.layers.strip_pooling import StripPooling

__all__ = ["ConvNorm", "MixedPooling", "ResizeLike", "StripPooling"]
