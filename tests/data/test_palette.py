import numpy as np
import pytest

from keras_seg.data import default_palette


@pytest.mark.parametrize("num_classes", [1, 21, 150, 600])
def test_colors_are_distinct_and_not_black(num_classes):
    palette = default_palette(num_classes)
    assert palette.shape == (num_classes, 3) and palette.dtype == np.uint8
    assert len(np.unique(palette, axis=0)) == num_classes
    assert palette.any(axis=1).all()


def test_few_colors_are_far_apart():
    palette = default_palette(12).astype(int)
    distances = np.linalg.norm(palette[:, None] - palette, axis=-1)
    assert distances[~np.eye(12, dtype=bool)].min() > 100


def test_does_not_change_between_calls():
    np.testing.assert_array_equal(default_palette(30), default_palette(30))


@pytest.mark.parametrize("num_classes", [0, -1, 2.0, "3"])
def test_rejects_bad_numbers(num_classes):
    with pytest.raises(ValueError, match="Received: num_classes="):
        default_palette(num_classes)
