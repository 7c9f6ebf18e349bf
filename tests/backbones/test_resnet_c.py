"""The released ResNet: its structure, and its recorded features."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg import backbones
from keras_seg.checkpoints import load_torch_weights
from keras_seg.models.spnet import strip_pooling_places
from tests import golden_networks
from tests.paths import shared


def rates(output_stride):
    pyramid = backbones.build("resnet50_c", output_stride)
    return [
        [
            pyramid.get_layer(f"v2_stack_{stage}_block{block}_2_conv").dilation_rate[0]
            for block in (1, 2, 3)
        ]
        for stage in (1, 2, 3)
    ]


def test_dilation_is_the_releases():
    """`_make_layer` with dilated=True and multi_grid=True; at 16 half of that."""
    assert rates(8) == [[1, 1, 1], [1, 2, 2], [4, 8, 16]]
    assert rates(16) == [[1, 1, 1], [1, 1, 1], [2, 4, 8]]
    assert rates(32) == [[1, 1, 1]] * 3


def test_strides_are_on_the_3x3_convolution():
    pyramid = backbones.build("resnet101_c")
    for stage in (1, 2, 3):
        name = f"v2_stack_{stage}_block1"
        assert pyramid.get_layer(f"{name}_1_conv").strides == (1, 1)
        assert pyramid.get_layer(f"{name}_2_conv").strides == (2, 2)
    assert pyramid.get_layer("v2_stack_2_block23_2_conv")


def record():
    return dict(np.load(shared("golden/networks/spnet_resnet50.npz")))


def test_recorded_features():
    """SPNet's ResNet-50 with strip pooling, at 1e-4 of the largest."""
    golden = record()
    pyramid = backbones.build("resnet50_c", 8, insert=strip_pooling_places)
    load_torch_weights(pyramid, golden_networks.state_dict(golden, "pretrained."))
    # Behind the normalisation, which was done before the recording.
    start = pyramid.get_layer("normalization").output
    network = keras.Model(start, pyramid.output)
    features = network(golden_networks.image(golden))
    for level in ("level4", "level5"):
        means = ops.convert_to_numpy(features[level]).mean((1, 2))
        expected = golden[f"{level}_mean"]
        tolerance = 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(means, expected, rtol=0, atol=tolerance)


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
        layer = pyramid.get_layer(f"conv1_{index}_conv")
        arrays[f"{convolution}.weight"] = kernel(layer)
        arrays |= norm(pyramid.get_layer(f"conv1_{index}_bn"), batch_norm)
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


@pytest.mark.parametrize("stem", [SPNET_STEM, HANET_STEM])
def test_checkpoints_of_both_releases(stem):
    pyramid = backbones.build("resnet50_c", 16)
    arrays = checkpoint(pyramid, stem)
    load_torch_weights(pyramid, {f"module.{k}": v for k, v in arrays.items()})
    third = pyramid.get_layer("conv1_3_conv").kernel
    expected = arrays[f"{stem[2][0]}.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(third, expected)
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
    with pytest.raises(TypeError, match="or a pyramid of resnet50_c"):
        load_torch_weights(backbones.build("resnet18"), arrays)
