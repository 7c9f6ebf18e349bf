import inspect

import keras
import numpy as np
import pytest
from keras import layers

from keras_seg import backbones
from keras_seg.models import DSRL, DeepLabV3Plus, HANet, inference_model
from keras_seg.models.deeplab_v3_plus import default_dilation_rates
from tests.models.networks import tiny_deeplab, tiny_network


@pytest.mark.parametrize(
    ("stride", "rates"), [(8, (12, 24, 36)), (16, (6, 12, 18)), (32, (3, 6, 9))]
)
def test_rates_follow_the_true_output_stride(stride, rates):
    assert default_dilation_rates(stride) == rates
    # A pyramid keeps its own stride, whatever the argument says.
    pyramid = backbones.feature_pyramid(tiny_network(), stride)
    model = DeepLabV3Plus(3, pyramid, output_stride=8, filters=4)
    branches = model.get_layer("aspp").dilated_branches
    assert tuple(branch.dilation_rate for branch in branches) == rates
    convolutions = [branch.conv.dilation_rate for branch in branches]
    assert convolutions == [(rate, rate) for rate in rates]


def test_rates_can_be_chosen():
    model = tiny_deeplab(dilation_rates=(1, 5))
    assert model.get_layer("aspp").dilation_rates == (1, 5)
    assert model.get_layer("aspp").output.shape[-1] == 8 * 4


def test_channels_of_the_release():
    """deepv3.py: 1280 channels after ASPP, 48 and 256 in the decoder, 512 beside."""
    model = DeepLabV3Plus(19, tiny_network(), 16, auxiliary_head=True)
    assert model.get_layer("aspp").output.shape[-1] == 1280
    assert model.get_layer("fusion").output.shape[-1] == 304
    assert model.get_layer("decoder_2").output.shape[-1] == 256
    assert model.get_layer("auxiliary_conv").output.shape[-1] == 512


def test_the_auxiliary_head_of_the_release():
    """deepv3.py: no dropout before the main classifier, a bias in `dsn.0`."""
    options = {"auxiliary_dropout_rate": 0.1, "auxiliary_bias": True}
    model = tiny_deeplab(auxiliary_head=True, dropout_rate=0.0, **options)
    rates = {name: model.get_layer(f"{name}_dropout").rate for name in model.output}
    assert rates == {"segmentation": 0.0, "auxiliary": 0.1}
    assert model.get_layer("auxiliary_conv").conv.use_bias
    # By default both heads have the same, and none a bias.
    model = tiny_deeplab(auxiliary_head=True, dropout_rate=0.3)
    assert model.get_layer("auxiliary_dropout").rate == 0.3
    assert not model.get_layer("auxiliary_conv").conv.use_bias


@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("size", [(64, 96), (45, 67), (33, 8)])
def test_logits_have_the_images_size(size, separable):
    model = tiny_deeplab(auxiliary_head=True, separable=separable)
    outputs = model(np.zeros((2, *size, 3), "uint8"))
    assert sorted(outputs) == ["auxiliary", "segmentation"]
    for logits in outputs.values():
        assert tuple(logits.shape) == (2, *size, 3)
        assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    bare = inference_model(model)(np.zeros((2, *size, 3), "uint8"))
    assert tuple(bare.shape) == (2, *size, 3)


def test_low_level_features_reach_the_logits_at_a_quarter_of_the_size():
    model = tiny_deeplab()
    fused = keras.Model(model.input, model.get_layer("fusion").output)
    image = np.zeros((1, 64, 96, 3))
    assert fused(image).shape == (1, 16, 24, 4 + 8)


def test_separable_convolutions_are_smaller():
    """Nine times fewer weights in a 3x3 convolution of many channels."""
    plain, separable = (
        DeepLabV3Plus(3, tiny_network(), separable=flag) for flag in (False, True)
    )
    count = {
        name: [m.get_layer(name).count_params() for m in (plain, separable)]
        for name in ("decoder_1", "decoder_2")
    }
    assert count["decoder_2"][0] == 9 * 256 * 256 + 4 * 256
    assert count["decoder_2"][1] == 9 * 256 + 256 * 256 + 8 * 256


def test_a_backbone_needs_two_levels():
    inputs = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, strides=4, padding="same")(inputs)
    with pytest.raises(ValueError, match="must have two levels or more"):
        DeepLabV3Plus(3, keras.Model(inputs, x))


@pytest.mark.parametrize("network", [DeepLabV3Plus, HANet, DSRL])
def test_the_options_of_the_decoder_are_one_set(network):
    """By keyword alone: no call has a row of unnamed numbers."""
    names = {"num_classes", "backbone", "output_stride", "auxiliary_head", "scale"}
    kinds = inspect.signature(network).parameters.values()
    assert {p.name for p in kinds if p.kind is p.POSITIONAL_OR_KEYWORD} <= names
    message = f"{network.__name__} got unexpected keyword arguments: filter. Opt"
    with pytest.raises(TypeError, match=message):
        network(3, tiny_network(), 8, filter=8)
    model = network(3, tiny_network(), 8, filters=8, low_level_filters=4)
    assert model.get_layer("decoder_2").output.shape[-1] == 8
    assert model.get_layer("low_level_projection").output.shape[-1] == 4


def test_rejects_bad_numbers_of_classes():
    with pytest.raises(ValueError, match="Received: num_classes=0"):
        DeepLabV3Plus(0, tiny_network())


def logits_size(model):
    """Returns the size at which classes are predicted, before it is resized."""
    (layer,) = [x for x in model.layers if x.name == "segmentation_logits"]
    logits = keras.Model(model.input, layer.output)
    return logits(np.zeros((1, 34, 46, 3), "float32")).shape[1:3]


def test_a_refinement_predicts_at_stride_2():
    assert logits_size(tiny_deeplab()) == (9, 12)
    model = tiny_deeplab(refinement_filters=6)
    assert logits_size(model) == (17, 23)
    assert model.get_layer("refinement_fusion").output.shape[-1] == 3 + 6
    assert model(np.zeros((1, 34, 46, 3), "float32")).shape == (1, 34, 46, 3)


def test_dsrl_extends_the_refined_features():
    model = inference_model(
        DSRL(3, tiny_network(), filters=8, refinement_filters=6, scale=2)
    )
    assert model(np.zeros((1, 34, 46, 3), "float32")).shape == (1, 68, 92, 3)
    assert "refinement_fusion" in {layer.name for layer in model.layers}


def test_a_refinement_needs_a_finer_level():
    pyramid = backbones.feature_pyramid(tiny_network(), 8)
    levels = {name: x for name, x in pyramid.output.items() if name != "level1"}
    pyramid = backbones.feature_pyramid(keras.Model(pyramid.input, levels), 8)
    with pytest.raises(ValueError, match="level finer than stride 4.*level2"):
        DeepLabV3Plus(3, pyramid, filters=4, refinement_filters=6)
