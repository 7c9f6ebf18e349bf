import numpy as np
import pytest

from keras_seg.metrics import confusion_matrix


def maps(dtype="uint8", shape=(2, 17, 23)):
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 4, 255], shape).repeat(3, axis=-1).astype(dtype)
    classes = rng.integers(0, 5, labels.shape).astype(dtype)
    return labels, classes


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_equals_scikit_learn(dtype):
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    labels, classes = maps(dtype)
    valid = labels != 255
    expected = sklearn_metrics.confusion_matrix(
        labels[valid], classes[valid], labels=range(5)
    )
    counts = confusion_matrix(labels, classes, 5)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts[:, :5], expected)
    assert not counts[:, 5].any()


def test_several_ignored_labels_or_none():
    labels = np.array([0, 1, 2, 254, 255])
    zeros = np.zeros(5, int)
    assert confusion_matrix(labels, zeros, 3, (254, 255)).sum() == 3
    assert confusion_matrix(labels[:3], zeros[:3], 3, None).sum() == 3
    assert confusion_matrix(labels[:3], zeros[:3], 3, (2, 1)).sum() == 1


def test_predictions_that_are_not_classes_have_their_own_column():
    counts = confusion_matrix([0, 0, 1, 1, 255], [0, 255, -1, 2, 7], 2)
    np.testing.assert_array_equal(counts, [[1, 0, 1], [0, 0, 2]])


def test_ignored_and_empty_images_count_nothing():
    assert not confusion_matrix(np.full((3, 4), 255), np.zeros((3, 4), int), 2).any()
    assert not confusion_matrix(np.zeros((0, 4), int), np.zeros((0, 4), int), 2).any()


def test_counts_are_exact_above_the_range_of_float32():
    labels = np.zeros(2**24 + 1, "uint8")
    assert confusion_matrix(labels, labels, 1)[0, 0] == 2**24 + 1


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 7, 9], [0, 0, 0], r"classes 0\.\.1 or ignored \(255\).*\[7, 9\]"),
        ([0, -1], [0, 0], r"Received: \[-1\]"),
        ([[0, 1]], [0, 1], r"same shape. Received: \(1, 2\) and \(2,\)"),
        ([0.0], [0], "`labels` must be an integer array. Received the dtype"),
        ([0], [0.5], "`classes` must be an integer array"),
    ],
)
def test_rejects(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, classes, 2)
