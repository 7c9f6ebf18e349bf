import math

import numpy as np
import pytest

from keras_seg.inference import evaluate_label_maps

NAMES = ("road", "car", "sky")


def test_batches_and_images_are_the_same():
    rng = np.random.default_rng(0)
    labels, classes = rng.integers(0, 3, (2, 4, 9, 11))
    result = evaluate_label_maps([(labels, classes)], NAMES)
    assert result == evaluate_label_maps(zip(labels, classes, strict=True), NAMES)


def test_predictions_that_are_no_class_are_a_last_column():
    labels, classes = np.array([[0, 0, 1, 2]]), np.array([[0, 9, 1, 2]])
    result = evaluate_label_maps([(labels, classes)], NAMES)
    assert result["confusion_matrix"] == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]]
    assert result["class_iou"] == {"road": 0.5, "car": 1, "sky": 1}


def test_nothing_to_measure_is_nan():
    result = evaluate_label_maps([], NAMES)
    assert result["confusion_matrix"] == [[0] * 3] * 3
    for name in ("mean_iou", "pixel_accuracy", "boundary_f1"):
        assert math.isnan(result[name])


def test_sizes_that_differ_are_an_error():
    with pytest.raises(ValueError, match=r"shape. Received: \(2, 3\) and \(3, 2\)"):
        evaluate_label_maps([(np.zeros((2, 3), int), np.zeros((3, 2), int))], NAMES)


def test_classes_of_one_name_are_an_error():
    with pytest.raises(ValueError, match="different name for each.*'car', 'car'"):
        evaluate_label_maps([], ("car", "car"))


def test_images_without_labels_count_for_nothing():
    """Such as those that fill up the last batch."""
    labels = np.array([[[0, 1, 1, 255]], [[255, 255, 255, 255]]])
    result = evaluate_label_maps([(labels, labels)], ("road", "car"))
    assert result["class_share"] == {"road": 1 / 3, "car": 2 / 3}
    assert result["ignored_share"] == 1 / 4


@pytest.mark.parametrize(
    ("value", "left"), [(0, "'road' alone is left"), (255, "none is left")]
)
def test_masks_of_0_and_255_stop(value, left):
    """A perfect score of the one class that is left says nothing."""
    labels = np.array([[[value, value, 255, 255]]])
    with pytest.raises(ValueError, match=f"Of 2 classes, {left}.*0: 0, 255: 1"):
        evaluate_label_maps([(labels, 0 * labels)], ("road", "car"))


def test_a_class_that_never_occurs_is_a_warning():
    labels = np.array([[0, 1, 255]])
    with pytest.warns(UserWarning, match="none has the class sky"):
        evaluate_label_maps([(labels, 0 * labels)], ("road", "car", "sky"))
