import importlib

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.ops import affinity_loss, fused_prior, prior_context
from tests.ways import WAYS, gradients, run

FILE = importlib.import_module("keras_seg.ops.fused_prior")  # not the op
PIXELS, CHANNELS = 14, 5


def inputs(dtype="float32"):
    rng = np.random.default_rng(0)
    shapes = [(2, PIXELS, CHANNELS), (CHANNELS, PIXELS), (PIXELS,)]
    return [ops.cast(ops.array(rng.normal(size=shape)), dtype) for shape in shapes]


LABELS = np.random.default_rng(1).choice([0, 1, 2, 255], (2, PIXELS)).astype("int32")


def fused(x, kernel, bias):
    return fused_prior(x, kernel, bias, LABELS, 3, 255, 0.7, 1.3)


def plain(x, kernel, bias):
    logits = ops.matmul(x, kernel) + bias
    losses = affinity_loss(logits, LABELS, 3, 255, 0.7, 1.3)
    return prior_context(logits, x)[0], losses


def everything(function, *variables):
    """Returns context, losses, and the gradients of a weighted sum of both."""
    rng = np.random.default_rng(2)
    weights = rng.normal(size=variables[0].shape) * 10

    def total(*variables):
        context, losses = function(*variables)
        total = ops.sum(context * ops.cast(ops.array(weights), context.dtype))
        of_losses = ops.sum(losses * ops.array([1.0, 2.0]))
        return total + ops.cast(of_losses, total.dtype), (context, losses)

    results, found = gradients(total, *variables)
    return [*results, *found]


@pytest.mark.parametrize("rows", [PIXELS, 4, 1])
@pytest.mark.parametrize("way", WAYS)
def test_equals_separate_context_and_loss(way, rows, monkeypatch):
    monkeypatch.setattr(FILE, "_ROWS", rows)
    expected = everything(plain, *inputs())

    # A new function, because a compiled one keeps the size of its blocks.
    def own(x, kernel, bias):
        return fused_prior.__wrapped__(x, kernel, bias, LABELS, 3, 255, 0.7, 1.3)

    def step(*variables):
        return everything(own, *variables)

    results = run(way, step, *inputs())
    for result, reference in zip(results, expected, strict=True):
        scale = np.abs(reference).max()
        np.testing.assert_allclose(result, reference, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize("way", WAYS)
def test_as_an_op(way):
    expected = everything(plain, *inputs())
    results = run(way, lambda *variables: everything(fused, *variables), *inputs())
    for result, reference in zip(results, expected, strict=True):
        scale = np.abs(reference).max()
        np.testing.assert_allclose(result, reference, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize("labels", [None, np.full((2, PIXELS), -1)])
def test_without_labels_only_the_context_is_computed(labels, monkeypatch):
    monkeypatch.setattr(FILE, "_ROWS", 4)

    def without(x, kernel, bias):
        return fused_prior.__wrapped__(x, kernel, bias, labels, 3)

    def expected(x, kernel, bias):
        context, _ = prior_context(ops.matmul(x, kernel) + bias, x)
        return context, ops.zeros(2)

    results = everything(without, *inputs())
    for result, reference in zip(results, everything(expected, *inputs()), strict=True):
        scale = np.abs(reference).max()
        np.testing.assert_allclose(result, reference, rtol=0, atol=2e-6 * scale)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    variables = inputs(dtype)
    results = everything(fused, *variables)
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in results]
    assert dtypes == [dtype, "float32", dtype, dtype, dtype]
    wide = [ops.cast(variable, "float32") for variable in variables]
    expected = everything(plain, *wide)
    for result, reference in zip(results, expected, strict=True):
        scale = np.abs(reference).max()
        result = ops.cast(result, "float32")
        np.testing.assert_allclose(result, reference, rtol=0, atol=0.03 * scale)


@pytest.mark.backend("tensorflow", "the compiled program is read")
def test_no_tensor_has_n_by_n_elements():
    """The compiled program has no N x N tensor, forward or in the gradient."""
    import tensorflow as tf

    pixels = 512
    rng = np.random.default_rng(0)
    labels = tf.zeros((1, pixels), tf.int32)
    x = tf.constant(rng.normal(size=(1, pixels, 3)), tf.float32)
    # A kernel of (channels, pixels) is not a map of pairs.
    kernel, bias = tf.ones((3, pixels)), tf.zeros(pixels)

    def run(x, kernel, bias):
        with tf.GradientTape() as tape:
            tape.watch((x, kernel, bias))
            context, losses = fused_prior.__wrapped__(x, kernel, bias, labels, 3)
            total = tf.reduce_sum(context) + tf.reduce_sum(losses)
        return tape.gradient(total, (x, kernel, bias))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FILE, "_ROWS", 8)
        compiled = tf.function(run, jit_compile=True)
        text = compiled.experimental_get_compiler_ir(x, kernel, bias)("optimized_hlo")
    assert f"[1,8,{pixels}]" in text
    assert f"{pixels},{pixels}]" not in text
