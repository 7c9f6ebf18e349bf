import keras
import numpy as np
import pytest
from keras import ops

from keras_seg import backbones
from keras_seg.backbones import catalog
from tests.backbones import networks

# Parameters and moving statistics, without classifiers. ResNets, CSPDarkNet: keras-cv's
# metadata; MiT: the same less its head of ten classes; ResNet50V2 and deeper, both
# MobileNets, EfficientNetV2, DenseNet: keras.applications; V1: the same less 7 of its
# normalization; Lite B0 to B2 and resnet50_c: the releases' state dicts; ResNets _b: as
# those without, from which only their strides differ. Of Lite B3, B4 and resnet101_c
# nothing was at hand: the numbers only hold them in place.
PARAMETERS = {
    "csp_darknet_l": 27_111_424,
    "csp_darknet_m": 12_374_400,
    "csp_darknet_s": 4_223_488,
    "csp_darknet_tiny": 2_380_416,
    "csp_darknet_xl": 56_837_970,
    "densenet121": 7_037_504,
    "densenet169": 12_642_880,
    "densenet201": 18_321_984,
    "efficientnet_lite_b0": 3_413_024,
    "efficientnet_lite_b1": 4_189_344,
    "efficientnet_lite_b2": 4_869_168,
    "efficientnet_lite_b3": 6_992_768,
    "efficientnet_lite_b4": 11_837_936,
    "efficientnet_v1_b0": 4_049_571 - 7,
    "efficientnet_v1_b1": 6_575_239 - 7,
    "efficientnet_v1_b2": 7_768_569 - 7,
    "efficientnet_v1_b3": 10_783_535 - 7,
    "efficientnet_v1_b4": 17_673_823 - 7,
    "efficientnet_v1_b5": 28_513_527 - 7,
    "efficientnet_v1_b6": 40_960_143 - 7,
    "efficientnet_v1_b7": 64_097_687 - 7,
    "efficientnet_v2_b0": 5_919_312,
    "efficientnet_v2_b1": 6_931_124,
    "efficientnet_v2_b2": 8_769_374,
    "efficientnet_v2_b3": 12_930_622,
    "efficientnet_v2_l": 117_746_848,
    "efficientnet_v2_m": 53_150_388,
    "efficientnet_v2_s": 20_331_360,
    "mit_b0": 3_319_392,
    "mit_b1": 13_151_424,
    "mit_b2": 24_196_288,
    "mit_b3": 44_072_128,
    "mit_b4": 60_842_688,
    "mit_b5": 81_443_008,
    "mobilenet_v2": 2_257_984,
    "mobilenet_v3_large": 2_996_352,
    "mobilenet_v3_small": 939_120,
    "resnet101": 42_605_504,
    "resnet101_b": 42_605_504,
    "resnet101_c": 42_729_664,
    "resnet101_v2": 42_626_560,
    "resnet152": 58_295_232,
    "resnet152_v2": 58_331_648,
    "resnet10": 973_248,
    "resnet18": 11_186_112,
    "resnet18_v2": 11_183_488,
    "resnet34": 21_301_696,
    "resnet34_v2": 21_299_072,
    "resnet50": 23_561_152,
    "resnet50_b": 23_561_152,
    "resnet50_c": 23_685_312,
    "resnet50_v2": 23_564_800,
}

# One of each family.
CHANNELS = {
    "resnet10": (64, 64, 64, 128, 192),
    "resnet18": (64, 64, 128, 256, 512),
    "resnet50": (64, 256, 512, 1024, 2048),
    "resnet18_v2": (64, 64, 128, 256, 512),
    "resnet50_c": (128, 256, 512, 1024, 2048),
    "mobilenet_v2": (16, 24, 32, 96, 1280),
    "mobilenet_v3_small": (16, 16, 24, 48, 96),
    "efficientnet_lite_b0": (16, 24, 40, 112, 1280),
    "efficientnet_v1_b0": (16, 24, 40, 112, 1280),
    "efficientnet_v2_b0": (16, 32, 48, 112, 1280),
    "densenet121": (64, 256, 512, 1024, 1024),
    "csp_darknet_tiny": (24, 48, 96, 192, 384),
    "mit_b0": (None, 32, 64, 160, 256),
}
SLOW = [name for name in PARAMETERS if name not in CHANNELS]
# One of each kind of block: what dilates one of them dilates the others.
BLOCKS = (
    "resnet18",
    "resnet50_c",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_lite_b0",
    "efficientnet_v2_b0",
    "densenet121",
    "csp_darknet_tiny",
    "mit_b0",
)


def is_dilatable(name):
    return not name.startswith("mit")


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_parameters_are_the_published_ones(name):
    assert catalog._network(name, 3).count_params() == PARAMETERS[name]


def test_names_are_those_that_are_tested():
    assert backbones.names() == sorted(PARAMETERS)


@pytest.mark.parametrize("name", CHANNELS)
def test_parameters_and_channels(name):
    network = catalog._network(name, 3)
    assert network.count_params() == PARAMETERS[name]
    expected = {
        f"level{level}": (2**level, channels)
        for level, channels in enumerate(CHANNELS[name], 1)
        if channels
    }
    assert backbones.level_info(catalog._pyramid(name, network, 32)) == expected


@pytest.mark.parametrize(
    "name",
    [
        name if name in BLOCKS else pytest.param(name, marks=pytest.mark.slow)
        for name in PARAMETERS
    ],
)
@pytest.mark.parametrize("output_stride", [8, pytest.param(16, marks=pytest.mark.slow)])
def test_dilated_features_sampled_are_the_strided_ones(name, output_stride):
    """On weights that were made at stride 32, at an odd and an even size."""
    if not is_dilatable(name):
        with pytest.raises(ValueError, match=r"'stage\d_block0_attention'"):
            backbones.build(name, output_stride)
        return
    strided = backbones.build(name, 32)
    networks.randomize(strided)
    dilated = backbones.build(name, output_stride)
    dilated.set_weights([ops.convert_to_numpy(w) for w in strided.weights])
    info = backbones.level_info(dilated)
    assert {level: stride for level, (stride, _) in info.items()} == {
        f"level{level}": min(2**level, output_stride) for level in range(1, 6)
    }
    size = (65, 98)
    images = networks.image(size)
    features, expected = dilated(images), strided(images)
    for level, (stride, channels) in info.items():
        # "same" strides give the ceiling at every size.
        shape = (1, *(-(-cells // stride) for cells in size), channels)
        assert tuple(features[level].shape) == shape
    if name.endswith("_c"):
        return  # multi-grid is no plain dilation
    # Squeeze and excitation takes the mean of more places than the strided one.
    has_means = name.startswith(("mobilenet", "efficientnet_v"))
    factors = {"level4": 16 // output_stride, "level5": 32 // output_stride}
    found = networks.largest_difference(expected, features, factors)
    assert found < (0.1 if has_means else 1e-5)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet18_v2", "densenet121"])
def test_features_are_keras_cvs(name):
    """keras-cv's own network on scaled images, at a size that all strides divide."""
    network = catalog._network(name, 3)
    networks.randomize(network)
    levels = list(network.pyramid_level_inputs.values())
    outputs = [network.get_layer(level).output for level in levels]
    images = networks.image((64, 96))
    expected = keras.Model(network.input, outputs)(images / 255)
    pyramid = backbones.feature_pyramid(network)
    for given in (pyramid(images), _catalog_features(name, network, images)):
        for level, features in zip((2, 3, 4, 5), expected, strict=True):
            reference = ops.convert_to_numpy(features)
            np.testing.assert_allclose(
                given[f"level{level}"], reference, atol=1e-5 * np.abs(reference).max()
            )


def _catalog_features(name, network, images):
    return catalog._pyramid(name, network, 32)(images)


@pytest.mark.parametrize("channels", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_other_numbers_of_channels(channels):
    for name in ("resnet18", "resnet50_c", "mobilenet_v3_small", "mit_b0"):
        pyramid = backbones.build(name, input_channels=channels)
        assert pyramid.input_shape == (None, None, None, channels)
        features = pyramid(networks.image((32, 32), channels))
        assert np.isfinite(ops.convert_to_numpy(features["level5"])).all()


def test_csp_darknet_takes_odd_sizes():
    """As the same image with zeros, of a normalized image, below and to the right."""
    pyramid = backbones.build("csp_darknet_tiny", 16)
    images = networks.image((45, 51))
    padded = np.pad(images, ((0, 0), (0, 1), (0, 1), (0, 0)))
    expected = pyramid(padded)
    for level, features in pyramid(images).items():
        np.testing.assert_allclose(features, expected[level], atol=1e-5)
    assert pyramid(images)["level1"].shape[1:3] == (23, 26)


def test_batch_norms_have_the_papers_momentum():
    for name in ("resnet18", "mobilenet_v3_small", "efficientnet_v2_b0"):
        norms = [
            layer
            for layer in backbones.build(name).layers
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        assert norms and {norm.momentum for norm in norms} == {0.9}


def test_normalization_takes_raw_images():
    """(x - 127) / 128 for EfficientNetLite, 1 / 255 for others, ImageNet's for _c."""
    white = np.full((1, 2, 2, 3), 255, "uint8")
    for name, expected in (
        ("efficientnet_lite_b0", [1, 1, 1]),
        ("resnet18", [1, 1, 1]),
        ("resnet50_c", [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]),
    ):
        pyramid = backbones.build(name)
        scale = pyramid.get_layer("normalization")
        values = ops.convert_to_numpy(scale(white))[0, 0, 0]
        np.testing.assert_allclose(values, expected, rtol=1e-4)


def test_bad_arguments():
    # A similar name is offered.
    with pytest.raises(ValueError, match="Did you mean 'resnet50'"):
        backbones.build("resnet-50")
    with pytest.raises(ValueError, match=r"Received: name='swin'\.$"):
        backbones.build("swin")
    with pytest.raises(ValueError, match="Received: output_stride=12"):
        backbones.build("resnet18", output_stride=12)
    with pytest.raises(ValueError, match="Received: input_channels=0"):
        backbones.build("resnet18", input_channels=0)
