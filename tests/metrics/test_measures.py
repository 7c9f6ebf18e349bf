import math
import warnings

import numpy as np
import pytest

from keras_seg.metrics import confusion_matrix, measures


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 4], 5000, p=[0.6, 0.3, 0.09, 0.01])
    classes = np.where(rng.random(5000) < 0.7, labels, rng.integers(0, 3, 5000))
    return labels, classes


def test_equal_scikit_learn(pixels):
    """Class 3 occurs nowhere, and class 4 is never predicted."""
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    counts = confusion_matrix(*pixels, 6)
    present = [0, 1, 2, 4]
    iou = sklearn_metrics.jaccard_score(*pixels, labels=present, average=None)
    np.testing.assert_allclose(measures.class_iou(counts)[present], iou, rtol=1e-15)
    assert np.isnan(measures.class_iou(counts)[[3, 5]]).all()
    recall = sklearn_metrics.recall_score(*pixels, labels=present, average=None)
    accuracy = measures.class_accuracy(counts)
    np.testing.assert_allclose(accuracy[present], recall, rtol=1e-15)
    for measure, function in (
        (measures.mean_iou, lambda *x: iou.mean()),
        (measures.pixel_accuracy, sklearn_metrics.accuracy_score),
        (measures.mean_accuracy, sklearn_metrics.balanced_accuracy_score),
        (
            measures.frequency_weighted_iou,
            lambda *x: sklearn_metrics.jaccard_score(*x, average="weighted"),
        ),
    ):
        assert measure(counts) == pytest.approx(function(*pixels), rel=1e-14)


def test_a_class_that_is_only_predicted_counts_for_iou_alone():
    counts = [[3, 1], [0, 0]]
    assert measures.class_iou(counts).tolist() == [0.75, 0]
    assert math.isnan(measures.class_accuracy(counts)[1])
    assert measures.mean_iou(counts) == 0.375
    assert measures.mean_accuracy(counts) == 0.75
    assert measures.frequency_weighted_iou(counts) == 0.75


def test_predictions_that_are_not_classes_are_misses_only():
    counts = [[2, 0, 2], [0, 3, 0]]
    assert measures.class_iou(counts).tolist() == [0.5, 1]
    assert measures.class_accuracy(counts).tolist() == [0.5, 1]
    assert measures.pixel_accuracy(counts) == 5 / 7


def test_empty_counts_are_nan_without_warnings():
    counts = np.zeros((3, 3), int)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(measures.class_iou(counts)).all()
        for measure in (
            measures.mean_iou,
            measures.mean_accuracy,
            measures.pixel_accuracy,
            measures.frequency_weighted_iou,
        ):
            assert math.isnan(measure(counts))


@pytest.mark.parametrize("extra", [0, 1])
def test_groups_equal_merged_labels(extra):
    rng = np.random.default_rng(0)
    labels, classes = rng.integers(0, 4, 300), rng.integers(0, 4 + extra, 300)
    groups = np.array([0, 1, 0, 2, 3])
    names, merged = measures.merge_classes(
        confusion_matrix(labels, classes, 4)[:, : 4 + extra], ["a", "b", "a", "c"]
    )
    assert names == ["a", "b", "c"]
    expected = confusion_matrix(groups[labels], groups[classes], 3)[:, : 3 + extra]
    np.testing.assert_array_equal(merged, expected)


def test_rejects_other_shapes():
    with pytest.raises(ValueError, match=r"one column more.*shape \(2, 4\)"):
        measures.class_iou(np.ones((2, 4)))
    with pytest.raises(ValueError, match="1 groups for 2 classes"):
        measures.merge_classes(np.ones((2, 2)), ["a"])
