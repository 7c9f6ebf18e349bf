import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import HeightDrivenAttention
from keras_seg.ops import row_positions
from tests.checks import check_layer

SHAPES = [(2, 20, 7, 6), (2, 9, 5, 3)]


def maps(seed=0, shapes=SHAPES):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def randomized(layer, shapes=SHAPES):
    """Returns a built layer whose biases and norms are not at their initial values."""
    layer.build(shapes)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        value = rng.normal(size=weight.shape)
        weight.assign(np.abs(value) + 0.5 if "variance" in weight.path else value)
    return layer


def attention_of(layer, low, positions=None, rows=16):
    """Returns the attention `(batch, rows, channels)` for a map of `rows` rows."""
    high = np.ones((len(low), rows, 1, 3), "float32")
    return ops.convert_to_numpy(layer([low, high], positions=positions))[:, :, 0]


@pytest.mark.parametrize("options", [{}, {"pooling": "max"}])
def test_contract(tmp_path, options):
    layer = HeightDrivenAttention(2, dropout_rate=0.0, **options)
    check_layer(layer, SHAPES, SHAPES[1], (9, 4), tmp_path)


def test_contract_of_a_learned_encoding(tmp_path):
    layer = HeightDrivenAttention(2, position_encoding="learned", dropout_rate=0.0)
    check_layer(layer, SHAPES, SHAPES[1], (10, 4), tmp_path)


def test_a_high_bias_leaves_the_features_as_they_are():
    opened = keras.initializers.Constant(100.0)
    first = HeightDrivenAttention(2, dropout_rate=0.0, bias_initializer=opened)
    low, high = maps()
    for layer in (first, HeightDrivenAttention.from_config(first.get_config())):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer([low, high])), high)


@pytest.mark.parametrize("injection", [1, 2])
@pytest.mark.parametrize("encoding", ["sinusoidal", "paper", "learned", None])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_matches_the_equations(kernel_size, encoding, injection):
    """The five steps of the docstring in NumPy, for a crop with padding."""
    layer = HeightDrivenAttention(
        2,
        kernel_size,
        coarse_height=8,
        position_encoding=encoding,
        position_injection=injection,
        return_attention=True,
    )
    shapes = [(2, 16, 7, 6), (2, 8, 5, 3)]
    randomized(layer, shapes)
    low, high = maps(shapes=shapes)
    positions = np.stack([np.arange(40) + 60, np.repeat([30, 128], 20)])

    def convolve(x, conv, taps):
        kernel = ops.convert_to_numpy(conv.kernel)
        extra = (len(kernel) - taps) // 2  # outer taps that are not in use
        kernel = kernel[extra : len(kernel) - extra]
        padded = np.pad(x, [(0, 0), (taps // 2, taps // 2), (0, 0)])
        out = sum(padded[:, k : k + x.shape[1]] @ kernel[k] for k in range(taps))
        return out + ops.convert_to_numpy(conv.bias) if conv.use_bias else out

    def norm_relu(x, norm):
        gamma, beta, mean, variance = (ops.convert_to_numpy(w) for w in norm.weights)
        return np.maximum(gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta, 0)

    x = low.reshape(2, 8, 2, 7, 6).mean(axis=(2, 3))
    channels = 6 if injection == 1 else 3
    coarse = positions[:, ::5] // 16
    p, c = np.arange(9)[:, None], np.arange(channels)
    angle = p / 100.0 ** (2 * (c // 2) / channels)
    table = np.where(c % 2, np.cos(angle), np.sin(angle))
    if encoding == "learned":
        table = ops.convert_to_numpy(layer.table)
    shift = {"sinusoidal": 1, "paper": 0, "learned": 0, None: 0}[encoding]
    code = (table + shift)[coarse] * (encoding is not None)
    if injection == 1:
        x = x + code
    x = norm_relu(convolve(x, layer.first_conv, 1), layer.first_norm)
    if injection == 2:
        x = x + code
    x = convolve(x, layer.second_conv, min(kernel_size, 3))
    x = norm_relu(x, layer.second_norm)
    expected = 1 / (1 + np.exp(-convolve(x, layer.third_conv, kernel_size)))
    out, attention = layer([low, high], positions=positions)
    np.testing.assert_allclose(attention[:, :, 0], expected, atol=1e-5)
    np.testing.assert_allclose(out, high * expected[:, :, None], atol=1e-5)


def test_wide_encodings_have_the_released_base():
    """The release uses base 10 for more than 50 channels."""
    layer = HeightDrivenAttention(reduction_ratio=1)
    layer.build([(None, None, None, 52), (None, None, None, 3)])
    assert np.isclose(layer.table[3, 50], np.sin(3 / 10 ** (50 / 52)) + 1)


def test_missing_positions_mean_the_whole_image():
    layer = randomized(HeightDrivenAttention(2))
    low = maps()[0]
    whole = row_positions(np.tile(np.arange(333), (2, 1)), 333)
    crop = row_positions(np.tile(np.arange(100, 333), (2, 1)), 333)
    expected = attention_of(layer, low)
    np.testing.assert_array_equal(attention_of(layer, low, whole), expected)
    assert np.abs(attention_of(layer, low, crop) - expected).max() > 1e-3


def test_kernel_size_1_gives_equal_positions_equal_attention():
    """On constant content, only the position matters, in crops and whole images."""
    layer = randomized(HeightDrivenAttention(2, kernel_size=1))
    low = np.ones(SHAPES[0], "float32")
    whole = attention_of(layer, low)
    lower_half = row_positions(np.tile(np.arange(360, 720), (2, 1)), 720)
    crop = attention_of(layer, low, lower_half)
    np.testing.assert_allclose(crop, whole[:, 8:].repeat(2, axis=1), atol=1e-6)
    assert np.abs(np.diff(whole, axis=1)).min() > 1e-6  # and unequal ones do not
    # This does not hold with three taps, because neighbors differ.
    wider = randomized(HeightDrivenAttention(2, kernel_size=3))
    crop = attention_of(wider, low, lower_half)
    assert np.abs(crop - attention_of(wider, low)[:, 8:].repeat(2, axis=1)).max() > 1e-3


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_mirrored_images_have_the_same_attention(pooling):
    layer = randomized(HeightDrivenAttention(2, pooling=pooling))
    low = maps()[0]
    expected = attention_of(layer, low)
    np.testing.assert_allclose(
        attention_of(layer, low[:, :, ::-1]), expected, atol=1e-6
    )
    upside_down = attention_of(layer, low[:, ::-1])
    assert np.abs(upside_down - expected).max() > 1e-3


def test_noise_and_dropout_apply_in_training_only():
    low, high = maps()
    for options in ({"position_noise": 1.0}, {"dropout_rate": 0.5}):
        layer = randomized(HeightDrivenAttention(2, **{"dropout_rate": 0.0} | options))
        # Uses moving statistics in both modes, so that only the option differs.
        layer.first_norm.trainable = layer.second_norm.trainable = False
        expected = ops.convert_to_numpy(layer([low, high], training=False))
        np.testing.assert_array_equal(layer([low, high], training=False), expected)
        results = [
            ops.convert_to_numpy(layer([low, high], training=True)) for _ in "12"
        ]
        assert np.abs(results[0] - results[1]).max() > 1e-6
        assert np.abs(results[0] - expected).max() > 1e-6


def test_noise_moves_each_image_on_its_own():
    layer = randomized(HeightDrivenAttention(2, position_noise=1.0, dropout_rate=0.0))
    layer.first_norm.trainable = layer.second_norm.trainable = False
    low, high = (np.repeat(x[:1], 2, axis=0) for x in maps())
    out = ops.convert_to_numpy(layer([low, high], training=True))
    assert np.abs(out[0] - out[1]).max() > 1e-6


def test_mixed_precision_keeps_positions_exact():
    """bfloat16 cannot represent 127 exactly, so positions must not be cast to it."""
    layer = randomized(HeightDrivenAttention(2, kernel_size=1, dtype="mixed_bfloat16"))
    low = np.ones(SHAPES[0], "float32")
    positions = np.tile(np.repeat(np.arange(16) * 8 + 7, 3), (2, 1))
    result = attention_of(layer, low, positions).astype("float32")
    expected = attention_of(layer, low).astype("float32")
    np.testing.assert_array_equal(result, expected)


def test_keras_model_takes_positions_as_an_input():
    inputs = [keras.Input((None, None, 6)), keras.Input((None, None, 3))]
    rows = keras.Input((None,), dtype="int32")
    layer = HeightDrivenAttention(2)
    model = keras.Model([*inputs, rows], layer(inputs, positions=rows))
    low, high = maps()
    positions = np.tile(np.arange(20) * 3, (2, 1))
    expected = layer([low, high], positions=positions)
    result = model.predict([low, high, positions], verbose=0)
    np.testing.assert_allclose(result, expected, atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"reduction_ratio": 0},
        {"kernel_size": 2},
        {"kernel_size": "3"},
        {"coarse_height": -1},
        {"pooling": "average"},
        {"position_encoding": "fourier"},
        {"position_injection": 3},
        {"position_noise": -0.5},
        {"second_kernel_size": 5},
    ],
)
def test_rejects_bad_arguments(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}="):
        HeightDrivenAttention(**options)


def test_rejects_unknown_channels_and_wrong_positions():
    with pytest.raises(ValueError, match="channels of both inputs must be known"):
        HeightDrivenAttention().build([(None, 4, 4, None), (None, 4, 4, 3)])
    layer = HeightDrivenAttention(2)
    for positions in (np.zeros((2, 20), "float32"), np.zeros((2, 20, 7), "int32")):
        with pytest.raises(ValueError, match="must be an integer tensor .batch"):
            layer(maps(), positions=positions)


@pytest.mark.parametrize(("first", "last"), [(0, 1023), (-1, 127)])
def test_positions_are_those_of_row_positions(first, last):
    layer = HeightDrivenAttention(2)
    positions = np.linspace(first, last, 20).astype("int32")[None]
    message = rf"`positions` must be in 0\.\.127.*{first}.*{last}"
    with pytest.raises(ValueError, match=message):
        layer(maps(), positions=positions)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="of its graphs")
def test_graphs_check_positions_in_training_only():
    import tensorflow as tf

    layer = HeightDrivenAttention(2)
    layer.build([x.shape for x in maps()])
    positions = tf.fill((2, 20), -1)

    @tf.function
    def attend(training):
        return layer(maps(), positions=positions, training=training)

    attend(False)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"`positions` must be in"):
        attend(True)
