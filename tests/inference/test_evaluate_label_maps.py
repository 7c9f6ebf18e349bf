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
    with pytest.raises(ValueError, match=r"one shape. Received: \(2, 3\) and \(3, 2\)"):
        evaluate_label_maps([(np.zeros((2, 3), int), np.zeros((3, 2), int))], NAMES)


def test_classes_of_one_name_are_an_error():
    with pytest.raises(ValueError, match="another name for each.*'car', 'car'"):
        evaluate_label_maps([], ("car", "car"))
