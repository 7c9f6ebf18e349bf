import itertools

import numpy as np
import pytest

from keras_seg.losses import LovaszSoftmax
from tests.losses.references import jaccard_loss, log_softmax, lovasz_softmax
from tests.ways import gradients


@pytest.fixture
def batch():
    """Class 3 has no label; the last image has none at all."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], size=(3, 5, 6), p=[0.5, 0.1, 0.2, 0.2])
    labels[2] = 255
    return labels, rng.normal(size=(3, 5, 6, 4)).astype("float32")


def test_is_the_mean_over_the_images_that_have_labels(batch):
    expected = np.mean(
        [lovasz_softmax(*image) for image in zip(*batch, strict=True)][:2]
    )
    np.testing.assert_allclose(LovaszSoftmax()(*batch), expected, rtol=1e-5)


def test_the_images_of_a_batch_may_be_one(batch):
    expected = lovasz_softmax(*batch)
    result = LovaszSoftmax(per_image=False)(*batch)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_every_second_row_and_column_counts(batch):
    """The second, fourth, ... of the 5 x 6 pixels, as a loss of these pixels alone."""
    labels, logits = batch
    expected = LovaszSoftmax()(labels[:, 1::2, 1::2], logits[:, 1::2, 1::2])
    loss = LovaszSoftmax(stride=2)
    np.testing.assert_allclose(loss(labels, logits), expected, rtol=1e-6)
    assert LovaszSoftmax.from_config(loss.get_config()).stride == 2
    with pytest.raises(ValueError, match="`stride` must be a positive integer"):
        LovaszSoftmax(stride=0)


def test_certain_predictions_have_the_jaccard_loss_itself():
    """Compares label maps and predictions of four pixels in two classes."""
    loss = LovaszSoftmax()
    maps = np.array([*itertools.product([0, 1], repeat=4)])
    labels, classes = np.repeat(maps, 16, axis=0), np.tile(maps, (16, 1))
    labels, classes = labels[::5], classes[::5]  # of all pairs
    logits = 100 * np.eye(2, dtype="float32")[classes]
    for y, z, predicted in zip(labels, logits, classes, strict=True):
        terms = [jaccard_loss(predicted != y, y == c) for c in (0, 1) if (y == c).any()]
        found = loss(y.reshape(1, 2, 2), z.reshape(1, 2, 2, 2))
        np.testing.assert_allclose(found, np.mean(terms), atol=1e-6)


def test_it_is_the_largest_of_all_orders():
    """The extension of a submodular function: no other order gives more."""
    rng = np.random.default_rng(0)
    labels = np.array([0, 1, 1, 0, 1])
    logits = rng.normal(size=(5, 2)).astype("float32")
    p = np.exp(log_softmax(logits))
    expected = []
    for c in (0, 1):
        labeled = labels == c
        errors = np.abs(labeled - p[:, c])
        values = []
        for order in itertools.permutations(range(5)):
            losses = [
                jaccard_loss(np.isin(range(5), order[:k]), labeled) for k in range(6)
            ]
            values.append(np.dot(errors[[*order]], np.diff(losses)))
        expected.append(max(values))
    found = LovaszSoftmax()(labels[None, None], logits[None, None])
    np.testing.assert_allclose(found, np.mean(expected), rtol=1e-5)


def test_gradients_are_those_of_small_steps(batch, float64):
    labels, logits = batch
    loss = LovaszSoftmax(dtype="float64")
    logits = logits.astype("float64")
    _, (found,) = gradients(lambda x: (loss(labels, x),) * 2, logits)
    found = np.array(found)
    for place in [(0, 0, 0, 0), (0, 2, 3, 1), (1, 4, 5, 2), (1, 1, 1, 3)]:
        step = np.zeros_like(logits)
        step[place] = 1e-6
        slope = (loss(labels, logits + step) - loss(labels, logits - step)) / 2e-6
        np.testing.assert_allclose(found[place], slope, rtol=1e-4, atol=1e-9)


def test_weights_count_as_copies_of_pixels_and_of_images(batch):
    labels, logits = batch
    twice = np.repeat(labels, 2, axis=2), np.repeat(logits, 2, axis=2)
    weights = np.full(labels.shape, 2.0)
    expected = LovaszSoftmax()(*twice)
    np.testing.assert_allclose(LovaszSoftmax()(*batch, weights), expected, rtol=1e-5)
    by_image = np.array([3.0, 1.0, 5.0])
    each = [
        float(LovaszSoftmax()(labels[i : i + 1], logits[i : i + 1])) for i in (0, 1)
    ]
    expected = (3 * each[0] + each[1]) / 4
    np.testing.assert_allclose(LovaszSoftmax()(*batch, by_image), expected, rtol=1e-5)


@pytest.mark.parametrize("side", range(1, 10))
def test_a_stride_leaves_pixels_on_sides_of_any_length(side):
    labels = np.ones((1, side, 9), "int32")
    logits = np.zeros((1, side, 9, 2), "float32")
    loss = LovaszSoftmax(stride=8)
    for axes in ((0, 1, 2, 3), (0, 2, 1, 3)):
        y, z = labels.transpose(axes[:3]), logits.transpose(axes)
        value, (gradient,) = gradients(lambda x, y=y: (loss(y, x),) * 2, z)
        np.testing.assert_allclose(value, 0.5)
        assert np.abs(gradient).max() > 0


@pytest.mark.backend("tensorflow", "graphs of run-time sizes")
def test_a_stride_leaves_pixels_on_sides_known_at_run_time():
    import tensorflow as tf

    loss = LovaszSoftmax(stride=8)
    labels = tf.TensorSpec((None, None, None), "int32")
    step = tf.function(
        lambda y, x: loss(y, x),
        input_signature=[labels, tf.TensorSpec((None, None, None, 2))],
    )
    for size in ((3, 9), (1, 4), (20, 5)):
        value = step(np.ones((1, *size), "int32"), np.zeros((1, *size, 2), "float32"))
        np.testing.assert_allclose(value, 0.5)
