"""The papers' modules and their parts as Keras layers."""

from keras_seg.layers.affinity_features import AffinityFeatures
from keras_seg.layers.aggregation_module import AggregationModule
from keras_seg.layers.atrous_spatial_pyramid_pooling import AtrousSpatialPyramidPooling
from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.layers.bilinear_upsample import BilinearUpsample
from keras_seg.layers.context_prior_layer import ContextPriorLayer
from keras_seg.layers.conv2d import Conv2D
from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.crop_to_cells import CropToCells
from keras_seg.layers.depthwise_conv2d import DepthwiseConv2D
from keras_seg.layers.feature_affinity import FeatureAffinity
from keras_seg.layers.height_driven_attention import HeightDrivenAttention
from keras_seg.layers.mixed_pooling import MixedPooling
from keras_seg.layers.network_input import NetworkInput
from keras_seg.layers.network_output import NetworkOutput
from keras_seg.layers.network_tensor import NetworkTensor
from keras_seg.layers.resize_like import ResizeLike
from keras_seg.layers.separable_conv_norm import SeparableConvNorm
from keras_seg.layers.strip_pooling import StripPooling
from keras_seg.layers.sub_pixel_upsample import SubPixelUpsample
from keras_seg.layers.transposed_conv_norm import TransposedConvNorm

__all__ = [
    "AffinityFeatures",
    "AggregationModule",
    "AtrousSpatialPyramidPooling",
    "BatchNormalization",
    "BilinearUpsample",
    "ContextPriorLayer",
    "Conv2D",
    "ConvNorm",
    "CropToCells",
    "DepthwiseConv2D",
    "FeatureAffinity",
    "HeightDrivenAttention",
    "MixedPooling",
    "NetworkInput",
    "NetworkOutput",
    "NetworkTensor",
    "ResizeLike",
    "SeparableConvNorm",
    "StripPooling",
    "SubPixelUpsample",
    "TransposedConvNorm",
]
