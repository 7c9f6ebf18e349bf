import numpy as np
import pytest
from keras import ops

from keras_seg.checkpoints import from_pixel_shuffle, load_torch_weights
from keras_seg.layers import (
    ConvNorm,
    HeightDrivenAttention,
    MixedPooling,
    StripPooling,
    SubPixelUpsample,
)


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


@pytest.mark.parametrize("given", ["spnet.pth", None, {1: np.ones(3)}])
def test_rejects_what_is_no_state_dict(layer, given):
    with pytest.raises(TypeError, match="`state_dict` must be a dict"):
        load_torch_weights(layer, given)


def test_rejects_a_number_of_grids_that_was_not_released():
    layer = MixedPooling(pool_sizes=(3,))
    layer.build((None, None, None, 4))
    with pytest.raises(ValueError, match="two pooling grids"):
        load_torch_weights(layer, {})


def height_attention(kernel_size, table=None):
    """Keys and shapes of the released `HANet_Conv`, ratio 2 on 6 and 3 channels."""
    rng = np.random.default_rng(0)
    shapes = {
        "attention_first.0.weight": (3, 6, 1),
        "attention_second.0.weight": (6, 3, 3),  # whatever the kernel size
        "attention_second.0.bias": (6,),
        "attention_third.0.weight": (3, 6, kernel_size),
        "attention_third.0.bias": (3,),
        "pos_emb1d_2nd.pos_layer.weight": (17, 3),
    }
    for norm, channels in (("attention_first.1", 3), ("attention_second.1", 6)):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{norm}.{part}"] = (channels,)
    state_dict = {key: rng.random(shape, "float32") for key, shape in shapes.items()}
    if table is not None:
        state_dict["pos_emb1d_2nd.pos_layer.weight"] = table
    return state_dict


def attention_layer(**options):
    layer = HeightDrivenAttention(2, return_attention=True, **options)
    layer.build([(None, None, None, 6), (None, None, None, 3)])
    return layer


def test_released_attention_has_three_taps_even_at_kernel_size_1(tmp_path):
    layer = attention_layer(kernel_size=1, position_encoding="learned")
    state_dict = height_attention(kernel_size=1)
    load_torch_weights(layer, state_dict)
    low = np.random.default_rng(1).random((1, 16, 1, 6), "float32")
    high = np.ones((1, 16, 1, 3), "float32")

    def convolve(x, key):
        weight = state_dict[f"{key}.weight"]
        taps = weight.shape[2]
        padded = np.pad(x, [(taps // 2, taps // 2), (0, 0)])
        out = sum(padded[k : k + len(x)] @ weight[..., k].T for k in range(taps))
        return out + state_dict.get(f"{key}.bias", 0)

    def norm_relu(x, key):
        gamma, beta, mean, variance = (
            state_dict[f"{key}.{part}"]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return np.maximum(gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta, 0)

    x = norm_relu(convolve(low[0, :, 0], "attention_first.0"), "attention_first.1")
    x = x + state_dict["pos_emb1d_2nd.pos_layer.weight"][:16]
    x = norm_relu(convolve(x, "attention_second.0"), "attention_second.1")
    expected = 1 / (1 + np.exp(-convolve(x, "attention_third.0")))
    np.testing.assert_allclose(layer([low, high])[1][0, :, 0], expected, atol=1e-5)
    # It stays so in a saved model.
    assert layer.get_config()["second_kernel_size"] == 3


def test_the_fixed_table_of_positions_must_be_the_layers():
    layer = attention_layer()
    load_torch_weights(layer, height_attention(3, layer.table))
    for table in (layer.table - 1, layer.table[:9]):
        with pytest.raises(ValueError, match="pos_emb1d_2nd.pos_layer.weight"):
            load_torch_weights(layer, height_attention(3, table))
    # The encoding of the paper is another table.
    paper = attention_layer(position_encoding="paper")
    with pytest.raises(ValueError, match="differ from the fixed table of the"):
        load_torch_weights(paper, height_attention(3, layer.table))


@pytest.mark.parametrize("scale", [2, 3])
def test_pixel_shuffle(scale):
    """A convolution and `torch.nn.PixelShuffle`, as PyTorch documents them."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(5 * scale**2, 4, 1, 1)).astype("float32")
    bias = rng.normal(size=len(weight)).astype("float32")
    x = rng.normal(size=(2, 4, 6, 7)).astype("float32")  # channels first
    y = np.einsum("oc,bchw->bohw", weight[:, :, 0, 0], x) + bias[:, None, None]
    y = y.reshape(2, 5, scale, scale, 6, 7).transpose(0, 1, 4, 2, 5, 3)
    y = y.reshape(2, 5, 6 * scale, 7 * scale)

    layer = SubPixelUpsample(scale, 5, kernel_size=1)
    layer.build((None, None, None, 4))
    load_torch_weights(layer, {"module.weight": weight, "module.bias": bias})
    result = ops.convert_to_numpy(layer(x.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(result.transpose(0, 3, 1, 2), y, atol=1e-5)


def test_channels_that_are_no_cells():
    with pytest.raises(ValueError, match=r"scale \*\* 2 = 4"):
        from_pixel_shuffle(np.zeros(6), 2)
