import keras
import numpy as np
import pytest
from keras import ops

from keras_seg import backbones

# Parameters without the classifier: torchvision's and the EfficientNetLite release's.
PARAMETERS = {
    "resnet18": 11_176_512,
    "resnet34": 21_284_672,
    "resnet50": 23_508_032,
    "resnet101": 42_500_160,
    "efficientnet_lite_b0": 3_371_008,
}


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "efficientnet_lite_b0"])
def test_parameters_are_the_published_ones(name):
    pyramid = backbones.build(name)
    trainable = sum(int(np.prod(w.shape)) for w in pyramid.trainable_weights)
    assert trainable == PARAMETERS[name]
    assert pyramid.name == "backbone"


def test_names_are_those_that_are_tested():
    assert backbones.names() == sorted(PARAMETERS)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("resnet18", (64, 64, 128, 256, 512)),
        ("resnet50", (64, 256, 512, 1024, 2048)),
        ("efficientnet_lite_b0", (16, 24, 40, 112, 1280)),
    ],
)
@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_levels_have_their_strides_and_channels(name, channels, output_stride):
    pyramid = backbones.build(name, output_stride)
    info = backbones.level_info(pyramid)
    assert list(info) == [f"level{level}" for level in range(1, 6)]
    features = pyramid(ops.ones((1, 45, 70, 3)))
    for level, width in enumerate(channels, 1):
        stride = min(2**level, output_stride)
        assert info[f"level{level}"] == (stride, width)
        # "same" strides give the ceiling at every size.
        expected = (1, -(-45 // stride), -(-70 // stride), width)
        assert tuple(features[f"level{level}"].shape) == expected


def randomize(model):
    """Weights under which no activation dies, moving statistics included."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        positive = "gamma" in weight.path or "variance" in weight.path
        scale = (
            np.sqrt(2 / np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.1
        )
        weight.assign(rng.normal(size=weight.shape) * scale + positive)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18", (65, 97)),  # odd sizes: "same" padding is symmetric
        ("efficientnet_lite_b0", (65, 97)),
        ("resnet50", (65, 97)),
        ("resnet50", (64, 96)),  # strides in a 1x1: exact on even sizes too
    ],
)
def test_strided_features_are_the_dilated_ones_sampled(name, size):
    """What dilation means, by weights that were saved at stride 32."""
    strided = backbones.build(name, 32)
    randomize(strided)
    images = np.random.default_rng(1).uniform(0, 255, (1, *size, 3)).astype("float32")
    expected = strided(images)
    for output_stride in (8, 16):
        dilated = backbones.build(name, output_stride)
        dilated.set_weights(strided.get_weights())
        features = dilated(images)
        for level in ("level4", "level5"):
            step = 2 ** int(level[-1]) // output_stride
            sampled = ops.convert_to_numpy(features[level])[:, ::step, ::step]
            reference = ops.convert_to_numpy(expected[level])
            tolerance = 1e-5 * np.abs(reference).max()
            np.testing.assert_allclose(sampled, reference, rtol=0, atol=tolerance)


def test_dilation_rates_are_those_of_the_rule():
    """(1, then 2) where the first stride went, (2, then 4) where the second did."""
    pyramid = backbones.build("resnet18", 8)
    rates = {
        layer.name: layer.dilation_rate[0]
        for layer in pyramid.layers
        if isinstance(layer, keras.layers.Conv2D) and max(layer.kernel_size) > 1
    }
    assert rates["v2_stack_1_block2_2_conv"] == 1
    assert rates["v2_stack_2_block1_1_conv"] == 1
    assert rates["v2_stack_2_block1_2_conv"] == 2
    assert rates["v2_stack_3_block1_1_conv"] == 2
    assert rates["v2_stack_3_block2_2_conv"] == 4


def test_weights_saved_at_one_stride_load_at_another(tmp_path):
    strided = backbones.build("resnet18", 32)
    randomize(strided)
    strided.save_weights(tmp_path / "backbone.weights.h5")
    loaded = backbones.build("resnet18", 8, weights=tmp_path / "backbone.weights.h5")
    for old, new in zip(strided.weights, loaded.weights, strict=True):
        assert old.path.split("/")[-2:] == new.path.split("/")[-2:]
        np.testing.assert_array_equal(
            ops.convert_to_numpy(old), ops.convert_to_numpy(new)
        )


def test_normalisation_takes_raw_images():
    """(x - 127) / 128 for EfficientNetLite, seen by a stem that is the identity."""
    pyramid = backbones.build("efficientnet_lite_b0")
    stem = keras.Model(pyramid.input, pyramid.get_layer("stem_conv").input)
    values = ops.convert_to_numpy(stem(np.full((1, 2, 2, 3), 255, "uint8")))
    np.testing.assert_allclose(values, 1.0)


def test_unknown_names_offer_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'resnet50'"):
        backbones.build("resnet-50")


def test_weights_of_another_network_are_refused(tmp_path):
    backbones.build("resnet18").save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="do not fit 'efficientnet_lite_b0'"):
        backbones.build("efficientnet_lite_b0", weights=tmp_path / "other.weights.h5")
    with pytest.raises(FileNotFoundError):
        backbones.build("resnet18", weights=tmp_path / "none.weights.h5")
