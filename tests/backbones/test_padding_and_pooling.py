"""The layers that stand for strided ones, against NumPy and against TensorFlow."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seg.backbones.dilated_pooling import DilatedPooling2D
from keras_seg.backbones.pad_to_multiple import PadToMultiple
from keras_seg.backbones.same_padding import SamePadding2D
from tests.checks import check_layer
from tests.ways import gradients


def pooled(x, mode, size, rate, padding, strides=(1, 1)):
    """Window by window; NaN stands for padding."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=np.nan)
    reach = [(cells - 1) * rate for cells in size]
    rows = range(0, x.shape[1] - reach[0], strides[0])
    columns = range(0, x.shape[2] - reach[1], strides[1])
    reduce = np.nanmax if mode == "max" else np.nanmean
    return np.stack(
        [
            np.stack(
                [
                    reduce(
                        x[:, r : r + reach[0] + 1 : rate, c : c + reach[1] + 1 : rate],
                        axis=(1, 2),
                    )
                    for c in columns
                ],
                axis=1,
            )
            for r in rows
        ],
        axis=1,
    )


@pytest.mark.parametrize("mode", ["max", "average"])
@pytest.mark.parametrize(
    ("size", "rate", "padding", "strides"),
    [
        ((2, 2), 1, ((0, 1), (0, 1)), (1, 1)),
        ((3, 3), 2, ((2, 2), (2, 2)), (1, 1)),
        ((3, 2), 3, ((1, 4), (0, 3)), (1, 1)),
        ((2, 2), 2, ((0, 0), (0, 0)), (1, 1)),
        ((3, 3), 1, ((1, 1), (1, 1)), (2, 2)),
    ],
)
def test_pooling_window_by_window(mode, size, rate, padding, strides):
    x = np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype("float32") - 3
    layer = DilatedPooling2D(mode, size, strides, rate, padding)
    expected = pooled(x, mode, size, rate, padding, strides)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, rtol=1e-5)


@pytest.mark.parametrize("cells", range(5, 12))
@pytest.mark.parametrize("window", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_same_padding_is_tensorflows(cells, window, stride):
    """A ramp tells at which cell each window starts."""
    x = np.arange(1.0, cells + 1, dtype="float32").reshape(1, cells, 1, 1)
    x = np.broadcast_to(x, (1, cells, cells, 1))
    kernel = np.random.default_rng(0).normal(size=(window, window, 1, 1))
    kernel = kernel.astype("float32")
    expected = tf.nn.conv2d(x, kernel, stride, "SAME")
    padded = np.array(SamePadding2D((window, window), (stride, stride), 1)(x))
    values = tf.nn.conv2d(padded, kernel, 1, "VALID")
    assert values.shape[1:3] == (cells, cells)
    np.testing.assert_allclose(values[:, ::stride, ::stride], expected, atol=1e-4)


def test_contracts(tmp_path):
    pooling = DilatedPooling2D("average", (3, 2), (1, 1), 2, "same", (2, 2))
    check_layer(pooling, (2, 9, 8, 3), (2, 9, 8, 3), (0, 0), tmp_path)
    padding = SamePadding2D((3, 5), (2, 2), 2)
    check_layer(padding, (2, 9, 8, 3), (2, 13, 16, 3), (0, 0), tmp_path)
    check_layer(PadToMultiple(4), (2, 9, 8, 3), (2, 12, 8, 3), (0, 0), tmp_path)


def test_padding_to_a_multiple_is_zero_at_the_bottom_and_right():
    x = np.random.default_rng(0).normal(size=(1, 3, 5, 2)).astype("float32")
    padded = ops.convert_to_numpy(PadToMultiple(4)(x))
    expected = np.pad(x, ((0, 0), (0, 1), (0, 3), (0, 0)))
    np.testing.assert_array_equal(padded, expected)


def test_modes_are_checked():
    with pytest.raises(ValueError, match="Received: mode='mean'"):
        DilatedPooling2D("mean", (2, 2))


def test_pooling_under_half_precision_keeps_its_gradient():
    layer = DilatedPooling2D("max", (3, 3), (1, 1), 2, "same", (2, 2), dtype="float16")
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 1)).astype("float16")
    result, (gradient,) = gradients(lambda x: (ops.sum(layer(x)), layer(x)), x)
    gradient = ops.convert_to_numpy(gradient)
    assert np.isfinite(gradient).all() and gradient.sum() == 36
    assert keras.backend.standardize_dtype(result.dtype) == "float16"
