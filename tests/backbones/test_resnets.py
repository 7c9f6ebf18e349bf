"""The released ResNets: their structure, and ImageNet's checkpoints for them."""

import numpy as np
import pytest

from keras_seg import backbones
from keras_seg.backbones import resnets
from keras_seg.checkpoints import load_torch_weights


def rates(pyramid):
    """The dilation of the last three stages, of the first three blocks of each."""
    return [
        [
            pyramid.get_layer(f"v2_stack_{stage}_block{block}_2_conv").dilation_rate[0]
            for block in (1, 2, 3)
        ]
        for stage in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("name", "output_stride", "expected"),
    [
        # SPNet's `_make_layer`, dilated=True and multi_grid=True; at 16 half of it.
        ("resnet50_c", 8, [[1, 1, 1], [1, 2, 2], [4, 8, 16]]),
        ("resnet50_c", 16, [[1, 1, 1], [1, 1, 1], [2, 4, 8]]),
        ("resnet50_b", 8, [[1, 1, 1], [1, 2, 2], [2, 4, 4]]),
        pytest.param("resnet50_c", 32, [[1, 1, 1]] * 3, marks=pytest.mark.slow),
        pytest.param(
            "resnet50_b",
            16,
            [[1, 1, 1], [1, 1, 1], [1, 2, 2]],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_dilation_of_the_catalogs(name, output_stride, expected):
    assert rates(backbones.build(name, output_stride)) == expected


def test_dilation_that_is_given():
    """HANet's, in first blocks too."""
    pyramid = backbones.resnet(50, 8, dilation_rates={3: 2, 4: 4})
    assert rates(pyramid) == [[1, 1, 1], [2, 2, 2], [4, 4, 4]]
    pyramid = backbones.resnet(50, 16, dilation_rates={4: (1, 2, 5)})
    assert rates(pyramid) == [[1, 1, 1], [1, 1, 1], [1, 2, 5]]


@pytest.mark.parametrize(
    "name", ["resnet101_b", pytest.param("resnet101_c", marks=pytest.mark.slow)]
)
def test_strides_are_on_the_3x3_convolution(name):
    network = resnets.network(name)
    for stage in (1, 2, 3):
        name = f"v2_stack_{stage}_block1"
        assert network.get_layer(f"{name}_1_conv").strides == (1, 1)
        assert network.get_layer(f"{name}_2_conv").strides == (2, 2)
    assert network.get_layer("v2_stack_2_block23_2_conv")


def test_stems():
    plain = backbones.resnet(50)
    assert plain.get_layer("conv1_conv").kernel.shape == (7, 7, 3, 64)
    deep = backbones.resnet(50, stem_filters=(32, 32, 64), input_channels=4)
    kernels = [deep.get_layer(f"conv1_{i}_conv").kernel.shape for i in (1, 2, 3)]
    assert kernels == [(3, 3, 4, 32), (3, 3, 32, 32), (3, 3, 32, 64)]
    assert backbones.level_info(deep)["level1"] == (2, 64)
    assert [backbones.size_alignment(pyramid) for pyramid in (plain, deep)] == [1, 1]


def test_normalization_can_be_left_out():
    pyramid = backbones.resnet(50, normalization=None)
    assert "normalization" not in [layer.name for layer in pyramid.layers]
    assert "normalization" in [x.name for x in backbones.build("resnet50_b").layers]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 34}, "Received: depth=34"),
        ({"stem_filters": (64, 128)}, r"Received: stem_filters=\(64, 128\)"),
        ({"dilation_rates": {4: (4, 8)}}, r"Received: dilation_rates=\{4: \(4, 8\)"),
        ({"dilation_rates": {5: 2}}, r"Received: dilation_rates=\{5: 2\}"),
        ({"dilation_rates": 6}, r"dict \{stage: rates\} .*Received: dilation_rates=6"),
        ({"dilation_rates": {4: 2.5}}, "sequence of integers. Received: .*=2.5"),
        ({"stem_filters": 32}, "`stem_filters` must be a sequence of integers"),
        ({"dilation_rates": {4: 0}}, "Received: dilation_rates=0"),
        ({"dilation_rates": {3: 2}}, "keeps its stride.*Received: 2 for stage 3"),
        ({"input_channels": 0}, "Received: input_channels=0"),
        ({"normalization": "mean"}, "Received: normalization='mean'"),
        ({"output_stride": 12}, "Received: output_stride=12"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        backbones.resnet(**{"depth": 50} | options)


def test_rates_after_a_stride_that_is_kept():
    pyramid = backbones.resnet(50, dilation_rates={4: (1, 2, 4)})
    assert backbones.level_info(pyramid)["level5"] == (32, 2048)
    rates = [
        pyramid.get_layer(f"v2_stack_3_block{block}_2_conv").dilation_rate
        for block in (1, 2, 3)
    ]
    assert rates == [(1, 1), (2, 2), (4, 4)]


def checkpoint(pyramid, stem):
    """Arrays under the keys of a release's ResNet."""
    rng = np.random.default_rng(0)

    def kernel(layer):
        rows, columns, inputs, outputs = layer.kernel.shape
        return rng.normal(size=(outputs, inputs, rows, columns)).astype("float32")

    def norm(layer, key):
        return {
            f"{key}.{part}": rng.uniform(0.5, 1.5, layer.gamma.shape).astype("float32")
            for part in ("weight", "bias", "running_mean", "running_var")
        }

    arrays = {"fc.weight": np.zeros((1000, 2048)), "fc.bias": np.zeros(1000)}
    for index, (convolution, batch_norm) in enumerate(stem, 1):
        name = f"conv1_{index}" if len(stem) > 1 else "conv1"
        layer = pyramid.get_layer(f"{name}_conv")
        arrays[f"{convolution}.weight"] = kernel(layer)
        arrays |= norm(pyramid.get_layer(f"{name}_bn"), batch_norm)
    for layer in pyramid.layers:
        if layer.name.startswith("v2_stack") and layer.weights:
            _, _, stage, block, index, part = layer.name.split("_")
            key = f"layer{int(stage) + 1}.{int(block.removeprefix('block')) - 1}"
            if index == "0":
                key = f"{key}.downsample.{0 if part == 'conv' else 1}"
            else:
                key = f"{key}.{part}{index}"
            if part == "conv":
                arrays[f"{key}.weight"] = kernel(layer)
            else:
                arrays |= norm(layer, key)
    return arrays


SPNET_STEM = [("conv1.0", "conv1.1"), ("conv1.3", "conv1.4"), ("conv1.6", "bn1")]
HANET_STEM = [("conv1", "bn1"), ("conv2", "bn2"), ("conv3", "bn3")]


PLAIN_STEM = [("conv1", "bn1")]


@pytest.mark.parametrize(
    ("name", "stem", "last"),
    [
        ("resnet50_c", SPNET_STEM, "conv1_3_conv"),
        ("resnet50_c", HANET_STEM, "conv1_3_conv"),
        ("resnet50_b", PLAIN_STEM, "conv1_conv"),  # torchvision's
    ],
)
def test_checkpoints_of_imagenet(name, stem, last):
    pyramid = backbones.build(name, 16)
    arrays = checkpoint(pyramid, stem)
    load_torch_weights(pyramid, {f"module.{k}": v for k, v in arrays.items()})
    expected = arrays[f"{stem[-1][0]}.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(pyramid.get_layer(last).kernel, expected)
    shortcut = pyramid.get_layer("v2_stack_2_block1_0_bn").moving_variance
    np.testing.assert_array_equal(shortcut, arrays["layer3.0.downsample.1.running_var"])


def test_checkpoints_of_another_depth_are_refused():
    pyramid = backbones.build("resnet50_c")
    arrays = checkpoint(pyramid, SPNET_STEM)
    arrays["layer3.6.conv1.weight"] = arrays.pop("layer3.5.conv1.weight")
    before = pyramid.get_weights()
    with pytest.raises(ValueError) as error:
        load_torch_weights(pyramid, arrays)
    assert "missing key 'layer3.5.conv1.weight'" in str(error.value)
    assert "unused key 'layer3.6.conv1.weight'" in str(error.value)
    for old, new in zip(before, pyramid.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(TypeError, match="or a pyramid of resnet50_b"):
        load_torch_weights(backbones.build("resnet18"), arrays)
