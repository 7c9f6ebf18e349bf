import math

import numpy as np
import pytest

from keras_seg.data import SegmentationDataset, class_heights


class Labels(SegmentationDataset):
    """Labels of any sizes, with images that nobody looks at."""

    def __init__(self, labels, num_classes=5, ignore_class=9):
        names = [f"class {index}" for index in range(num_classes)]
        super().__init__(names, ignore_class=ignore_class)
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        label = self.labels[index]
        return np.zeros((*label.shape, 3), "uint8"), label


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize("rows", [3, 12, 48])
def test_matches_a_count_pixel_by_pixel(rows, dtype):
    rng = np.random.default_rng(rows)
    sizes = [(48, 5), (31, 8), (7, 40), (97, 3), (1, 6)]
    labels = [rng.choice([0, 1, 2, 4, 9], size).astype(dtype) for size in sizes]
    expected = np.zeros((rows, 5), int)
    for label in labels:
        for (y, _), value in np.ndenumerate(label):
            if value != 9:
                expected[math.floor(y * rows / len(label)), value] += 1
    counts = class_heights(Labels(labels), rows)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, expected)


def test_has_48_rows_with_the_top_first():
    label = np.zeros((96, 7), "uint8")
    label[60:62] = 3
    counts = class_heights(Labels([label, label]))
    assert counts.shape == (48, 5)
    np.testing.assert_array_equal(np.flatnonzero(counts[:, 3]), [30])
    assert counts[30, 3] == 2 * 2 * 7


def test_large_classes_of_small_integers():
    label = np.full((6, 4), 199, "uint8")
    counts = class_heights(Labels([label], num_classes=200, ignore_class=255))
    assert counts.sum() == counts[:, 199].sum() == 24


@pytest.mark.parametrize("dtype", ["float32", "uint64"])
def test_labels_of_other_types(dtype):
    counts = class_heights(Labels([np.full((6, 4), 2, dtype)]))
    assert counts.sum() == counts[:, 2].sum() == 24
    with pytest.raises(ValueError, match=r"image 0 .*\[0.5\]"):
        class_heights(Labels([np.full((6, 4), 0.5)]))


@pytest.mark.parametrize("value", [5, 8, -1])
def test_unknown_classes_name_the_image(value):
    labels = [np.zeros((6, 4), "int32") for _ in range(3)]
    labels[2][1, 1] = value
    with pytest.raises(ValueError, match=rf"image 2 .*0\.\.4.*ignored 9.*\[{value}\]"):
        class_heights(Labels(labels))


@pytest.mark.parametrize("rows", [0, -3, 4, 6.0, "6", True])
def test_rejects_bad_rows(rows):
    with pytest.raises(ValueError, match="`rows` must be.*of 3. Received: rows="):
        class_heights(Labels([]), rows)


class Masks(Labels):
    """Independent classes, whose images cannot be read."""

    independent_classes = True

    def __getitem__(self, index):
        raise AssertionError

    def read_label(self, index):
        return self.labels[index]


def test_independent_classes_count_by_themselves():
    rng = np.random.default_rng(0)
    labels = [rng.choice([0, 1, 9], (*size, 5)) for size in [(48, 5), (31, 8), (7, 4)]]
    expected = np.zeros((12, 5), int)
    for label in labels:
        for (y, _, number), value in np.ndenumerate(label):
            expected[math.floor(y * 12 / len(label)), number] += value == 1
    np.testing.assert_array_equal(class_heights(Masks(labels), 12), expected)
    labels[1][2, 3, 4] = 2
    with pytest.raises(ValueError, match=r"image 1 .*0\.\.1 .*ignored 9.*\[2\]"):
        class_heights(Masks(labels))
