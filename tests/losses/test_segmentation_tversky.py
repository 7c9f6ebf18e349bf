import numpy as np
import pytest

from keras_seg.losses import SegmentationDice, SegmentationTversky
from tests.losses.references import tversky
from tests.ways import gradients


@pytest.fixture
def batch():
    """Class 1 is rare, class 3 has no label."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], size=(4, 5, 6), p=[0.5, 0.1, 0.2, 0.2])
    return labels, rng.normal(size=(4, 5, 6, 4)).astype("float32")


@pytest.mark.parametrize(
    "options", [(0.3, 0.7), (1.0, 0.0), (0.3, 0.7, 0.75), (0.5, 0.5, 2.0)]
)
def test_is_the_mean_over_the_classes_that_occur(batch, options):
    result = SegmentationTversky(*options)(*batch)
    np.testing.assert_allclose(float(result), tversky(*batch, *options), rtol=1e-5)


def test_equal_halves_are_dice(batch):
    expected = SegmentationDice()(*batch)
    np.testing.assert_allclose(SegmentationTversky(0.5, 0.5)(*batch), expected, 1e-6)


def test_what_is_missed_costs_more_with_a_larger_beta():
    """For a class of one pixel in 30, a miss costs 0.7 and a false positive 0.3."""
    labels = np.zeros((1, 5, 6), "int32")
    labels[0, 0, 0] = 1
    missed = 50 * np.eye(2, dtype="float32")[np.zeros_like(labels)]
    false = missed.copy()
    false[0, 0, :2] = [0, 50]  # the pixel itself, and one beside
    # Class 0 has one false positive in the first case and one miss in the second.
    expected = (0.3 / 29.3 + 1) / 2
    np.testing.assert_allclose(SegmentationTversky()(labels, missed), expected, 1e-5)
    expected = (0.7 / 28.7 + 0.3 / 1.3) / 2
    np.testing.assert_allclose(SegmentationTversky()(labels, false), expected, 1e-5)


@pytest.mark.parametrize(
    "options", [(-0.1, 0.7), (0, 0), (0.3, float("nan")), (0.3, 0.7, 0)]
)
def test_rejects_bad_weights(options):
    with pytest.raises(ValueError, match="`alpha` and `beta` must be 0 or more"):
        SegmentationTversky(*options)


@pytest.mark.parametrize("exponent", [1.0, 0.75])
@pytest.mark.parametrize("options", [(1.0, 0.0), (0.0, 1.0)])
def test_stays_finite_where_no_labeled_pixel_is_hit(options, exponent):
    """Softmax makes the probabilities of logits of -200 exactly 0."""
    labels = np.ones((1, 2, 2), "int32")
    loss = SegmentationTversky(*options, exponent)
    for logit, expected in ((-200, 1), (200, 0)):
        logits = np.full((1, 2, 2, 2), [0, logit], "float32")
        value, (gradient,) = gradients(lambda x: (loss(labels, x),) * 2, logits)
        np.testing.assert_allclose(value, expected, atol=1e-6)
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("logit", [-30, -60, -80])
def test_gradients_of_rare_hits_are_finite(logit):
    """The index of hits without false positives is 1 if misses do not count."""
    labels, loss = np.ones((1, 2, 2), "int32"), SegmentationTversky(1.0, 0.0)
    logits = np.full((1, 2, 2, 2), [0, logit], "float32")
    value, (gradient,) = gradients(lambda x: (loss(labels, x),) * 2, logits)
    assert value == 0 and np.isfinite(gradient).all()
