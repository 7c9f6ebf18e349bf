import math

import numpy as np
import pytest

from keras_seg.metrics import BoundaryF1

ndimage = pytest.importorskip("scipy.ndimage")


def reference(labels, classes, num_classes, tolerance, void=255):
    """Computes the F1 of each class of an image with SciPy's distance transform."""
    valid = labels != void
    result = np.full(num_classes, np.nan)
    for index in range(num_classes):
        edges = []
        for values in (labels, classes):
            mask, others = (values == index) & valid, (values != index) & valid
            cross = ndimage.generate_binary_structure(2, 1)
            edges.append(mask & ndimage.binary_dilation(others, cross))
        if not edges[0].any() and not edges[1].any():
            continue
        if not edges[0].any() or not edges[1].any():
            result[index] = 0
            continue
        to_labels, to_classes = (
            ndimage.distance_transform_edt(~edge) for edge in edges
        )
        precision = np.mean(to_labels[edges[1]] <= tolerance)
        recall = np.mean(to_classes[edges[0]] <= tolerance)
        total = precision + recall
        result[index] = 2 * precision * recall / total if total else 0
    return result


def blobs(seed, shape=(61, 83), num_classes=4):
    """Returns smooth areas with an ignored part, and a shifted, noisy prediction."""
    rng = np.random.default_rng(seed)
    fields = rng.normal(size=(num_classes, *shape))
    fields = ndimage.gaussian_filter(fields, (0, 4, 4))
    labels = fields.argmax(axis=0)
    noise = ndimage.gaussian_filter(rng.normal(size=fields.shape), (0, 2, 2))
    classes = (fields + 0.2 * noise).argmax(axis=0)
    labels[rng.integers(0, 40) :, : rng.integers(1, 30)] = 255
    return labels, classes


@pytest.mark.parametrize("tolerance", [0, 1, 1.5, 2.9, 3, 7.3])
def test_equals_distance_transforms(tolerance):
    metric = BoundaryF1(5, tolerance=tolerance)  # class 4 occurs nowhere
    pairs = [blobs(seed) for seed in range(3)]
    for labels, classes in pairs:
        metric.add(labels, classes)
    expected = np.array([reference(*pair, 5, tolerance) for pair in pairs])
    assert 0.05 < np.nanmean(expected) < 1
    np.testing.assert_allclose(
        metric.class_f1()[:4], np.nanmean(expected[:, :4], axis=0), rtol=1e-12
    )
    assert math.isnan(metric.class_f1()[4])
    assert metric.result() == pytest.approx(np.nanmean(expected, axis=1).mean())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32"])
def test_label_maps_of_any_integers(dtype):
    labels, classes = blobs(0)
    metric = BoundaryF1(4, tolerance=2)
    metric.add(labels.astype(dtype), classes.astype(dtype))
    expected = reference(labels, classes, 4, 2)
    np.testing.assert_allclose(metric.class_f1(), expected, rtol=1e-12)


def test_by_default_the_tolerance_is_a_share_of_the_diagonal():
    """For 240 x 320, 0.0075 * 400 is 3: a shift by 3 matches, one by 4 does not."""
    labels = np.zeros((240, 320), int)
    labels[:, 160:] = 1
    for shift, expected in ((3, 1.0), (4, 0.0)):
        classes = np.zeros_like(labels)
        classes[:, 160 + shift :] = 1
        metric = BoundaryF1(2)
        metric.add(labels, classes)
        assert metric.result() == expected


def test_images_and_their_classes_count_alike():
    """One image has two correct classes; the other has one correct class of three."""
    first = np.array([[0, 0, 1, 1]])
    second, wrong = np.array([[0, 0, 0, 1, 1, 1]]), np.array([[0, 0, 0, 2, 2, 2]])
    metric = BoundaryF1(3, tolerance=0)
    metric.add(first, first)
    metric.add(second, wrong)
    assert metric.class_f1().tolist() == [1, 0.5, 0]
    assert metric.result() == pytest.approx((1 + 1 / 3) / 2)


def test_ignored_pixels_form_no_boundaries_in_either_map():
    labels = np.array([[0, 0, 255, 255, 1, 1]] * 3)
    classes = np.array([[0, 0, 1, 0, 1, 1]] * 3)
    metric = BoundaryF1(2, tolerance=0)
    metric.add(labels, classes)
    assert math.isnan(metric.result()) and np.isnan(metric.class_f1()).all()


def test_several_ignored_labels():
    labels = np.array([[0, 0, 254, 255, 1, 1]])
    metric = BoundaryF1(2, ignore_class=(254, 255), tolerance=0)
    metric.add(labels, np.zeros_like(labels))
    assert math.isnan(metric.result())


def test_predictions_that_are_not_classes_have_no_score():
    labels = np.array([[0, 0, 0, 1, 1, 1]])
    metric = BoundaryF1(2, tolerance=0)
    metric.add(labels, np.array([[0, 0, 0, 255, 255, 255]]))
    assert metric.class_f1().tolist() == [1, 0]


@pytest.mark.parametrize("tolerance", [-1, math.inf, math.nan])
def test_rejects_bad_tolerances(tolerance):
    with pytest.raises(ValueError, match=f"`tolerance` must.*: {tolerance=}"):
        BoundaryF1(2, tolerance=tolerance)


@pytest.mark.parametrize("value", [2.5, 2**32, float("nan")])
def test_rejects_labels_that_are_no_integers_of_32_bits(value):
    labels = np.zeros((4, 4), type(value))
    labels[1, 1] = value
    with pytest.raises(ValueError, match="Received"):
        BoundaryF1(3).add(labels, np.zeros((4, 4), int))


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (np.zeros((4, 5), int), np.zeros((1, 5), int), r"\(4, 5\) and \(1, 5\)"),
        (np.zeros((1, 4, 5), int), np.zeros((1, 4, 5), int), r"\(height, width\)"),
        (np.zeros((4, 5), int), np.zeros((4, 5)), "`classes` must be an integer"),
    ],
)
def test_rejects_other_arrays(labels, classes, message):
    with pytest.raises(ValueError, match=message):
        BoundaryF1(2).add(labels, classes)


def test_predictions_beyond_32_bits_are_not_classes():
    labels = np.array([[0, 0, 1, 1]])
    metric = BoundaryF1(2, tolerance=0)
    metric.add(labels, labels + 2**32)
    assert metric.result() == 0
