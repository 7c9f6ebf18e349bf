import numpy as np
import pytest
from keras import ops

from keras_seg.checkpoints import load_torch_weights
from keras_seg.layers import ConvNorm, MixedPooling, StripPooling


@pytest.fixture
def layer():
    layer = StripPooling()
    layer.build((None, None, None, 4))
    return layer


@pytest.fixture
def state_dict():
    """Keys and shapes of the released `SPBlock` on 4 channels."""
    rng = np.random.default_rng(0)
    shapes = {"conv1.weight": (4, 4, 3, 1), "conv2.weight": (4, 4, 1, 3)}
    for norm in ("bn1", "bn2"):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{norm}.{part}"] = (4,)
    shapes |= {"conv3.weight": (4, 4, 1, 1), "conv3.bias": (4,)}
    return {key: rng.random(shape, "float32") for key, shape in shapes.items()}


def test_kernels_are_transposed(layer, state_dict):
    load_torch_weights(layer, state_dict)
    kernel = ops.convert_to_numpy(layer.row_conv.kernel)
    assert kernel[2, 0, 1, 3] == state_dict["conv1.weight"][3, 1, 2, 0]
    mean = ops.convert_to_numpy(layer.column_norm.moving_mean)
    np.testing.assert_array_equal(mean, state_dict["bn2.running_mean"])


def test_prefix_and_counters_of_pytorch_are_no_obstacle(layer, state_dict):
    wrapped = {f"module.{key}": value for key, value in state_dict.items()}
    wrapped["module.bn1.num_batches_tracked"] = np.array(7)
    load_torch_weights(layer, wrapped)
    bias = ops.convert_to_numpy(layer.gate_conv.bias)
    np.testing.assert_array_equal(bias, state_dict["conv3.bias"])


def test_what_does_not_fit_is_listed_and_nothing_is_set(layer, state_dict):
    before = [ops.convert_to_numpy(w) for w in layer.weights]
    del state_dict["bn2.weight"]
    state_dict["extra.weight"] = np.zeros(3)
    state_dict["conv1.weight"] = np.zeros((5, 4, 3, 1))
    with pytest.raises(ValueError) as error:
        load_torch_weights(layer, state_dict)
    message = str(error.value)
    assert "missing key 'bn2.weight'" in message
    assert "unused key 'extra.weight'" in message
    assert "'conv1.weight' has shape (5, 4, 3, 1), expected (4, 4, 3, 1)" in message
    for old, weight in zip(before, layer.weights, strict=True):
        np.testing.assert_array_equal(old, ops.convert_to_numpy(weight))


def test_rejects_unbuilt_and_unknown_targets(state_dict):
    with pytest.raises(ValueError, match="must be built"):
        load_torch_weights(StripPooling(), state_dict)
    with pytest.raises(TypeError, match="Received: ConvNorm"):
        load_torch_weights(ConvNorm(4, 3), state_dict)


def test_rejects_a_number_of_grids_that_was_not_released():
    layer = MixedPooling(pool_sizes=(3,))
    layer.build((None, None, None, 4))
    with pytest.raises(ValueError, match="two pooling grids"):
        load_torch_weights(layer, {})
