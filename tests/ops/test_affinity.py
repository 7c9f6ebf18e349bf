import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.ops import affinity, affinity_loss
from tests.ops import affinity_reference as reference
from tests.ways import WAYS, gradients, run

PIXELS = 9
LABELS = {
    "three classes": [0, 0, 1, 1, 1, 2, 2, 0, 1],
    "ignored pixels": [0, 255, 1, 1, 255, 2, 2, 0, 1],
    "a class of one pixel": [0, 0, 0, 1, 0, 0, 255, 0, 0],
    "one class": [2] * 9,
    "one class and ignored": [255, 2, 2, 2, 255, 2, 2, 2, 2],
    "each pixel of its own": [0, 1, 2, 3, 255, 255, 255, 255, 255],
    "one pixel": [255] * 8 + [1],
    "nothing": [255] * 9,
}


def cases(seed=0, scale=2.0):
    labels = np.array(list(LABELS.values()))
    logits = np.random.default_rng(seed).normal(size=(len(labels), PIXELS, PIXELS))
    return (scale * logits).astype("float32"), labels


def value_and_gradient(logits, labels, **options):
    def total(logits):
        losses = affinity_loss(logits, labels, 4, **options)
        return ops.sum(losses), losses

    losses, (gradient,) = gradients(total, logits)
    return losses, gradient


@pytest.fixture(params=[PIXELS, 3, 1])
def blocks(request, monkeypatch):
    monkeypatch.setattr(affinity, "_BLOCK", request.param * PIXELS)


@pytest.mark.parametrize("way", WAYS)
def test_values_and_gradients_match_the_equations(way, blocks):
    logits, labels = cases()

    # A new function, because a compiled one keeps the size of its blocks.
    def own(logits, labels):
        return value_and_gradient(logits, labels)

    losses, gradient = run(way, own, logits, labels.astype("int32"))
    expected = reference.affinity_losses(logits, labels)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    expected = reference.gradient(logits, labels)
    np.testing.assert_allclose(gradient, expected, atol=2e-6)


@pytest.mark.parametrize("seed", range(5))
def test_random_images(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 1, 2, 3, 255], (3, 30))
    logits = rng.normal(scale=4, size=(3, 30, 30)).astype("float32")
    options = {"unary_weight": 0.7, "global_weight": 1.3}
    losses = affinity_loss(ops.array(logits), ops.array(labels), 4, **options)
    expected = reference.affinity_losses(logits, labels, unary=0.7, glob=1.3)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)


def test_each_image_has_the_gradient_of_its_own_loss():
    logits, labels = cases()
    weights = np.linspace(-1, 2, len(labels)).astype("float32")

    def total(logits):
        losses = affinity_loss(logits, labels, 4)
        return ops.sum(ops.array(weights) * losses), losses

    _, (gradient,) = gradients(total, logits)
    expected = weights[:, None, None] * reference.gradient(logits, labels)
    np.testing.assert_allclose(gradient, expected, atol=5e-6)


@pytest.mark.parametrize("scale", [0.0, 60.0, 3e4])
def test_extreme_logits_stay_finite(scale):
    logits, labels = cases(scale=scale)
    losses, gradient = value_and_gradient(logits, labels)
    assert np.isfinite(losses).all() and np.isfinite(gradient).all()
    assert losses[-1] == 0 and not np.array(gradient)[-1].any()


def test_a_perfect_prior_has_almost_no_loss():
    """Only precision remains, whose denominator includes the diagonal, as released."""
    labels = np.repeat([0, 1], 50)[None]
    logits = np.where(labels[0][:, None] == labels[0], 30.0, -30.0)[None]
    loss = affinity_loss(ops.array(logits, "float32"), labels, 2)
    np.testing.assert_allclose(loss, [-np.log(49 / 50)], atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions(dtype, float64):
    logits, labels = cases()
    logits = ops.cast(ops.array(logits), dtype)
    losses, gradient = value_and_gradient(logits, labels)
    wide = ops.convert_to_numpy(ops.cast(logits, "float64"))
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in (losses, gradient)]
    assert dtypes == ["float64" if dtype == "float64" else "float32", dtype]
    rtol = 1e-12 if dtype == "float64" else 1e-5
    expected = reference.affinity_losses(wide, labels)
    np.testing.assert_allclose(losses, expected, rtol=rtol, atol=1e-6)
    expected = reference.gradient(wide, labels)
    np.testing.assert_allclose(ops.cast(gradient, "float64"), expected, atol=2e-3)


def test_an_ignored_class_below_the_number_of_classes():
    logits, labels = cases()
    logits = ops.array(logits)
    with_class = np.where(labels == 255, 3, labels)
    plain = affinity_loss(logits, ops.array(np.where(labels == 3, 255, labels)), 4)
    losses = affinity_loss(logits, ops.array(with_class), 4, ignore_class=3)
    np.testing.assert_array_equal(plain, losses)


@pytest.mark.backend("tensorflow", "the compiled program is read")
def test_the_gradient_is_the_only_map_of_all_pairs():
    """The only N x N tensors in the compiled gradient are its results."""
    import tensorflow as tf

    pixels = 256
    logits = tf.zeros((1, pixels, pixels))
    labels = tf.zeros((1, pixels), tf.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(affinity, "_BLOCK", 8 * pixels)
        compiled = tf.function(value_and_gradient, jit_compile=True)
        text = compiled.experimental_get_compiler_ir(logits, labels)("optimized_hlo")
    made = {
        line.split(" = ")[1].split("(")[0].split()[-1]
        for line in text.splitlines()
        if f" = f32[1,{pixels},{pixels}]" in line
    }
    # Skips loop buffers and their in-place updates, which are not arithmetic.
    assert made <= {
        "parameter",
        "bitcast",
        "broadcast",
        "get-tuple-element",
        "dynamic-update-slice",
        "fusion",
        "copy",
        "constant",
    }, made


@pytest.mark.backend("tensorflow", "graphs of run-time sizes")
def test_unknown_batches():
    import tensorflow as tf

    spec = tf.TensorSpec((None, PIXELS, PIXELS), "float32")
    labels = tf.TensorSpec((None, PIXELS), "int32")
    function = tf.function(value_and_gradient, input_signature=[spec, labels])
    logits, values = cases()
    for batch in (1, 3):
        losses, gradient = function(logits[:batch], values[:batch].astype("int32"))
        expected = reference.affinity_losses(logits[:batch], values[:batch])
        np.testing.assert_allclose(losses, expected, rtol=1e-5)
        assert gradient.shape == (batch, PIXELS, PIXELS)
