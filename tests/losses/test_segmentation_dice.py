import keras
import numpy as np
import pytest

from keras_seg.losses import SegmentationDice
from tests.losses.references import dice


@pytest.fixture
def batch():
    """Class 1 is rare, class 3 has no label."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], size=(4, 5, 6), p=[0.5, 0.1, 0.2, 0.2])
    return labels, rng.normal(size=(4, 5, 6, 4)).astype("float32")


def test_is_the_mean_over_the_classes_that_occur(batch):
    result = SegmentationDice()(*batch)
    np.testing.assert_allclose(float(result), dice(*batch), rtol=1e-5)


@pytest.mark.keras3("keras.losses.Dice")
def test_equals_keras_if_all_classes_occur_and_no_pixel_is_ignored(batch):
    labels, logits = batch
    labels = np.where(labels == 255, 3, labels)
    theirs = keras.losses.Dice(axis=(0, 1, 2))
    expected = theirs(keras.ops.one_hot(labels, 4), keras.ops.softmax(logits))
    result = SegmentationDice()(labels, logits)
    np.testing.assert_allclose(float(result), float(expected), rtol=1e-5)


def test_sample_weights_count_in_all_sums(batch):
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    result = SegmentationDice()(*batch, sample_weight=weights)
    expected = dice(*batch, weights[:, None, None])
    np.testing.assert_allclose(float(result), expected, rtol=1e-5)


def test_correct_predictions_have_no_loss_whatever_ignored_pixels_hold(batch):
    """Keras's loss counts ignored pixels and absent classes as wrong."""
    labels, _ = batch
    logits = 50 * np.eye(4, dtype="float32")[np.where(labels == 255, 3, labels)]
    assert float(SegmentationDice()(labels, logits)) < 1e-6
    wrong = 50 * np.eye(4, dtype="float32")[np.full_like(labels, 3)]
    assert float(SegmentationDice()(labels, wrong)) > 1 - 1e-6
