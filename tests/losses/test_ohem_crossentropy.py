import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import OHEMCrossentropy, SegmentationCrossentropy
from keras_seg.ops import hard_pixels
from tests.losses.references import crossentropy, kept
from tests.ways import gradients


@pytest.fixture
def batch():
    """Images with many, few, one and no valid pixels; the second is predicted well."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (4, 5, 6))
    labels[0, 0], labels[2] = 255, 255
    labels[2, 1, 1] = 2
    labels[3] = 255
    logits = rng.normal(size=(4, 5, 6, 3)).astype("float32") * 2
    logits[1] += 9 * np.eye(3)[labels[1]]
    return labels, logits


@pytest.mark.parametrize("threshold", [0, 0.3, 0.7, 1])
@pytest.mark.parametrize("min_kept", [0, 1 / 16, 0.3, 1])
def test_is_the_mean_over_the_hard_pixels(batch, threshold, min_kept):
    labels, logits = batch
    hard = kept(labels, logits, threshold, min_kept)
    loss = OHEMCrossentropy(threshold, min_kept)
    expected = crossentropy(hard, logits)
    np.testing.assert_allclose(float(loss(labels, logits)), expected, rtol=1e-5)


@pytest.mark.backend("tensorflow", "run-time sizes")
def test_dynamic_shapes(batch):
    labels, logits = batch
    loss = OHEMCrossentropy()
    expected = loss(labels, logits)
    signature = [tf.TensorSpec([None] * 3, "int64"), tf.TensorSpec([None] * 3 + [3])]
    result = tf.function(loss, input_signature=signature)(labels, logits)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_only_hard_pixels_have_a_gradient(batch):
    labels, logits = batch
    hard = kept(labels, logits, 0.7, 0.1) != 255
    assert 0 < hard[1].sum() < 5 and hard[2].sum() == 1 and hard[3].sum() == 0
    loss = OHEMCrossentropy(0.7, 0.1)
    _, (gradient,) = gradients(lambda x: (loss(labels, x),) * 2, logits)
    moved = np.abs(gradient).sum(axis=-1) > 0
    np.testing.assert_array_equal(moved, hard)


def test_nothing_is_left_out_at_a_share_of_1(batch):
    result = OHEMCrossentropy(min_kept=1)(*batch)
    np.testing.assert_allclose(result, SegmentationCrossentropy()(*batch), rtol=1e-6)


def test_weights_and_smoothing_do_not_choose_pixels(batch):
    labels, logits = batch
    weights = [0.5, 2.0, 4.0]
    hard = kept(labels, logits, 0.7, 0.2)
    loss = OHEMCrossentropy(0.7, 0.2, class_weights=weights, label_smoothing=0.1)
    expected = crossentropy(hard, logits, (255,), weights, 0.1)
    np.testing.assert_allclose(float(loss(labels, logits)), expected, rtol=1e-5)


def test_pixels_of_weight_0_are_not_candidates(batch):
    labels, logits = batch
    without = np.where(labels == 0, 255, labels)
    expected = OHEMCrossentropy(0.1, 0.3)(without, logits)
    result = OHEMCrossentropy(0.1, 0.3, class_weights=[0, 1, 1])(labels, logits)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_pixels_as_hard_as_the_last_are_kept():
    losses = keras.ops.array([[[0.1, 0.2, 0.2, 0.0]]])
    found = hard_pixels(losses, losses >= 0, threshold=0, min_kept=0.25)
    assert keras.ops.convert_to_numpy(found).tolist() == [[[False, True, True, False]]]


@pytest.mark.parametrize("argument", ["threshold", "min_kept"])
@pytest.mark.parametrize("value", [-0.1, 1.1, 100000, float("nan")])
def test_rejects_bad_shares(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be in .0, 1.. Received"):
        OHEMCrossentropy(**{argument: value})
