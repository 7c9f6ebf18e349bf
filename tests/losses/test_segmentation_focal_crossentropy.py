import keras
import numpy as np
import pytest

from keras_seg.losses import SegmentationCrossentropy, SegmentationFocalCrossentropy
from tests.losses.references import focal
from tests.ways import gradients


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], size=(3, 5, 6))
    return labels, rng.normal(size=(3, 5, 6, 3)).astype("float32") * 3


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1, 2.0, 5.0])
@pytest.mark.parametrize("class_weights", [None, [0.5, 2.0, 4.0]])
def test_is_the_mean_over_valid_pixels(batch, gamma, class_weights):
    loss = SegmentationFocalCrossentropy(gamma, class_weights=class_weights)
    expected = focal(*batch, gamma, class_weights)
    np.testing.assert_allclose(float(loss(*batch)), expected, rtol=1e-5)


def test_equals_keras_without_ignored_pixels(batch):
    labels, logits = batch
    labels = labels % 3
    theirs = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, from_logits=True)
    expected = theirs(keras.ops.one_hot(labels, 3), logits)
    result = SegmentationFocalCrossentropy()(labels, logits)
    np.testing.assert_allclose(float(result), float(expected), rtol=1e-5)


def test_gamma_0_is_the_crossentropy(batch):
    result = SegmentationFocalCrossentropy(0)(*batch)
    np.testing.assert_allclose(result, SegmentationCrossentropy()(*batch), rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_certain_and_wrong_predictions_have_the_true_gradient(gamma):
    """Keras's loss clips probabilities and has no gradient if all is wrong."""
    logits = np.array([[[[30.0, 0.0], [0.0, 30.0]]]], "float32")
    loss = SegmentationFocalCrossentropy(gamma)
    _, (gradient,) = gradients(lambda x: (loss(np.zeros((1, 1, 2)), x),) * 2, logits)
    known, wrong = keras.ops.convert_to_numpy(gradient)[0, 0]
    np.testing.assert_allclose(wrong, [-0.5, 0.5], rtol=1e-5)
    assert np.abs(known).max() < 1e-6 and np.isfinite(known).all()


@pytest.mark.parametrize("gamma", [-1, float("nan"), float("inf")])
def test_rejects_bad_gamma(gamma):
    with pytest.raises(ValueError, match="`gamma` must be finite and 0 or more"):
        SegmentationFocalCrossentropy(gamma)
