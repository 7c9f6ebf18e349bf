import numpy as np
import pytest

from keras_seg.visualization import colorize_masks, overlay

PALETTE = np.array([[200, 0, 0], [0, 0, 100]], "uint8")
IMAGE = np.full((1, 3, 3), 100, "uint8")
LABEL = np.array([[0, 1, 255]])


def test_mixes_and_leaves_ignored_pixels():
    mixed = overlay(IMAGE, LABEL, PALETTE, alpha=0.25)
    assert mixed.dtype == np.uint8
    expected = [[[125, 75, 75], [75, 75, 100], [100, 100, 100]]]
    np.testing.assert_array_equal(mixed, expected)


def test_ends_of_alpha():
    np.testing.assert_array_equal(overlay(IMAGE, LABEL, PALETTE, alpha=0), IMAGE)
    whole = overlay(IMAGE, LABEL, PALETTE, alpha=1)
    np.testing.assert_array_equal(whole, [[[200, 0, 0], [0, 0, 100], [100, 100, 100]]])


def test_masks_of_independent_classes_have_the_mean_color():
    masks = np.array([[[1, 0], [1, 1], [255, 0]]])
    np.testing.assert_array_equal(
        colorize_masks(masks, PALETTE), [[[200, 0, 0], [100, 0, 50], [0, 0, 0]]]
    )
    mixed = overlay(IMAGE, masks, PALETTE, alpha=1)
    expected = [[[200, 0, 0], [100, 0, 50], [100, 100, 100]]]
    np.testing.assert_array_equal(mixed, expected)
    with pytest.raises(ValueError, match="a color for each class"):
        colorize_masks(masks, PALETTE[:1])


def test_batches_of_floats():
    images = np.full((2, 4, 5, 3), 300.0)  # beyond the range
    mixed = overlay(images, np.full((2, 4, 5), 255), PALETTE)
    np.testing.assert_array_equal(mixed, np.full((2, 4, 5, 3), 255))


def test_rejects_bad_arguments():
    with pytest.raises(ValueError, match=r"image \(1, 3, 3\) and labels \(1, 4\)"):
        overlay(IMAGE, np.zeros((1, 4), int), PALETTE)
    with pytest.raises(ValueError, match="`alpha` must be.*Received: alpha=1.5"):
        overlay(IMAGE, LABEL, PALETTE, alpha=1.5)
