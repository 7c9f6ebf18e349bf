import functools
import importlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.ops import feature_affinity, xla_scope
from tests.paths import GOLDEN
from tests.ways import WAYS, run
from tests.ways import gradients as derive

FILE = importlib.import_module("keras_seg.ops.feature_affinity")  # not the op


def features(seed=0, pixels=14, channels=(5, 3), batch=2):
    """Returns two random maps with a pixel of zeros in each."""
    rng = np.random.default_rng(seed)
    a, b = (rng.normal(size=(batch, pixels, c)) for c in channels)
    a *= 10.0 ** rng.uniform(-3, 3, (batch, pixels, 1))
    a[0, 3], b[1, 2] = 0, 0
    return a.astype("float32"), b.astype("float32")


def reference(a, b, order):
    """Evaluates the equation in float64."""

    def similarity(x):
        x = np.asarray(x, "float64")
        length = np.linalg.norm(x, axis=-1, keepdims=True)
        x = x / np.where(length > 0, length, 1)
        return x @ x.transpose(0, 2, 1)

    return (np.abs(similarity(a) - similarity(b)) ** order).mean(axis=(1, 2))


def value_and_gradients(a, b, order):
    def total(a, b):
        losses = feature_affinity(a, b, order)
        weights = ops.arange(1, ops.shape(a)[0] + 1, dtype=losses.dtype)
        return ops.sum(losses * weights), losses

    losses, gradients = derive(total, a, b)
    return losses, *gradients


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_matches_the_equation(order, seed):
    a, b = features(seed)
    result = feature_affinity(ops.array(a), ops.array(b), order)
    np.testing.assert_allclose(result, reference(a, b, order), rtol=1e-5)


@pytest.mark.parametrize("case", [0, 1])
@pytest.mark.parametrize("order", [1, 2])
def test_equals_the_recording(case, order, float64):
    record = np.load(GOLDEN / f"feature_affinity_{case}.npz")
    a, b = (
        record[x].reshape(len(record[x]), -1, record[x].shape[-1])
        for x in ("seg", "sr")
    )
    expected = record[f"l{order}"]
    for dtype, rtol in (("float64", 1e-12), ("float32", 1e-5)):
        result = feature_affinity(ops.array(a, dtype), ops.array(b, dtype), order)
        np.testing.assert_allclose(result, expected, rtol=rtol)


@pytest.mark.parametrize("rows", [14, 7, 4, 1])
@pytest.mark.parametrize("order", [1, 2])
def test_gradients(order, rows, monkeypatch, float64):
    """Gradients equal finite differences in float64, whatever the block size."""
    monkeypatch.setattr(FILE, "_BLOCK", rows * 14)
    monkeypatch.setattr(FILE, "_LEAST_ROWS", 1)
    a, b = features()
    a[0, 3], b[1, 2] = 1, 1  # features of zero have no gradient direction
    _, *gradients = value_and_gradients(a.astype("float64"), b.astype("float64"), order)
    rng = np.random.default_rng(1)
    for which, gradient in enumerate(gradients):
        x = (a, b)[which].astype("float64")
        direction = rng.normal(size=x.shape) * np.linalg.norm(x, axis=-1, keepdims=True)
        change = []
        for step in (-1e-7, 1e-7):
            moved = [a, b]
            moved[which] = x + step * direction
            change.append((reference(*moved, order) * [1, 2]).sum())
        expected = (change[1] - change[0]) / 2e-7
        result = np.sum(np.array(gradient) * direction)
        np.testing.assert_allclose(result, expected, rtol=1e-4)


@pytest.fixture
def four_rows(monkeypatch):
    monkeypatch.setattr(FILE, "_BLOCK", 4 * 14)
    monkeypatch.setattr(FILE, "_LEAST_ROWS", 1)


def check_a_way(run_way, order):
    a, b = features()

    def function(a, b):
        return value_and_gradients(a, b, order)

    results, expected = run_way(function, a, b), function(a, b)
    for result, value in zip(results, expected, strict=True):
        scale = np.abs(value).max()
        np.testing.assert_allclose(result, value, rtol=1e-4, atol=1e-6 * scale)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "eager"])
@pytest.mark.parametrize("order", [1, 2])
def test_ways_of_running(order, way, four_rows):
    check_a_way(functools.partial(run, way), order)


@pytest.mark.backend("tensorflow", "graphs of run-time sizes")
@pytest.mark.parametrize("order", [1, 2])
def test_dynamic_shapes(order, four_rows):
    import tensorflow as tf

    def run_way(function, a, b):
        specs = [tf.TensorSpec((None, None, x.shape[-1])) for x in (a, b)]
        with xla_scope(False):
            return tf.function(function, input_signature=specs)(a, b)

    check_a_way(run_way, order)


@pytest.mark.parametrize("order", [1, 2])
def test_zeros_have_finite_gradients(order):
    a, b = np.zeros((2, 6, 4), "float32"), np.ones((2, 6, 3), "float32")
    losses, *gradients = value_and_gradients(a, b, order)
    np.testing.assert_allclose(losses, [1, 1], rtol=1e-6)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("order", [1, 2])
def test_half_precision(order, dtype):
    a, b = (ops.cast(ops.array(x), dtype) for x in features())
    results = value_and_gradients(a, b, order)
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in results]
    assert dtypes == ["float32", dtype, dtype]
    losses, wide = results[0], [np.array(ops.cast(x, "float32")) for x in (a, b)]
    np.testing.assert_allclose(losses, reference(*wide, order), rtol=1e-5)


def test_equal_maps_have_no_distance():
    """The distance is 0 up to rounding, because the closed form is a difference."""
    a = ops.array(features(pixels=200)[0])
    for order in (1, 2):
        np.testing.assert_allclose(feature_affinity(a, 7 * a, order), [0, 0], atol=1e-6)


@pytest.mark.parametrize("noise", [1e-2, 1e-3])
@pytest.mark.parametrize("channels", [16, 5])
def test_similar_maps_have_an_exact_distance(channels, noise, float64):
    """A difference of squared norms would lose all digits and the gradient here."""
    rng = np.random.default_rng(0)
    a = np.abs(rng.normal(size=(1, 500, 16)))
    a[..., channels:] = 0
    b = (a + noise * rng.normal(size=a.shape))[..., :channels]
    a, b = a.astype("float32"), b.astype("float32")
    losses, gradient, _ = value_and_gradients(a, b, 2)
    np.testing.assert_allclose(losses, reference(a, b, 2), rtol=1e-4)
    _, expected, _ = value_and_gradients(a.astype("float64"), b.astype("float64"), 2)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(gradient, expected, atol=1e-2 * scale)


@pytest.mark.backend("tensorflow", "the compiled program is read")
@pytest.mark.parametrize("order", [1, 2])
def test_no_tensor_has_n_by_n_elements(order, monkeypatch):
    import tensorflow as tf

    pixels = 256
    monkeypatch.setattr(FILE, "_BLOCK", 8 * pixels)
    monkeypatch.setattr(FILE, "_LEAST_ROWS", 1)

    @tf.function(jit_compile=True)
    def run(a, b):
        return value_and_gradients(a, b, order)

    inputs = [tf.ones((1, pixels, channels)) for channels in (5, 3)]
    text = run.experimental_get_compiler_ir(*inputs)("optimized_hlo")
    assert f"{pixels},{pixels}]" not in text
    assert (f"[1,8,{pixels}]" in text) == (order == 1)


def test_orders_are_checked():
    a, b = features()
    with pytest.raises(ValueError, match="order=3"):
        feature_affinity(a, b, 3)
