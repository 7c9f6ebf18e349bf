"""Layers of feature maps accept inputs of rank 4 only, and as many as they need."""

import numpy as np
import pytest

from keras_seg import layers

OF_ONE_MAP = [
    layers.AffinityFeatures(),
    layers.AggregationModule(4),
    layers.AtrousSpatialPyramidPooling(4),
    layers.BilinearUpsample(),
    layers.ContextPriorLayer(4, (8, 8)),
    layers.ConvNorm(4, 3),
    layers.MixedPooling((2,)),
    layers.SeparableConvNorm(4, 3),
    layers.StripPooling(),
    layers.SubPixelUpsample(),
    layers.TransposedConvNorm(4),
]
OF_TWO_MAPS = [
    layers.CropToCells(2),
    layers.FeatureAffinity(),
    layers.HeightDrivenAttention(),
    layers.ResizeLike(),
]


def name_of(layer):
    return type(layer).__name__


@pytest.mark.parametrize("layer", OF_ONE_MAP, ids=name_of)
def test_one_map_has_rank_4(layer):
    with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
        layer(np.ones((8, 8, 4), "float32"))


@pytest.mark.parametrize("layer", OF_TWO_MAPS, ids=name_of)
def test_two_maps_have_rank_4(layer):
    x = np.ones((2, 8, 8, 4), "float32")
    for inputs in ([x, x[0]], [x[0], x]):
        with pytest.raises(ValueError, match="expected ndim=4, found ndim=3"):
            layer(inputs)


@pytest.mark.parametrize("layer", OF_TWO_MAPS, ids=name_of)
def test_a_batch_of_two_is_not_two_maps(layer):
    with pytest.raises(ValueError, match=r"expects 2 input.*received 1 input"):
        layer(np.ones((2, 8, 8, 4), "float32"))
