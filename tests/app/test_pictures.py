import numpy as np
import pytest
from PIL import Image

from keras_seg.app import pictures
from keras_seg.visualization import overlay

PALETTE = np.array([[200, 0, 0], [0, 150, 0], [0, 0, 100]], "uint8")
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (6, 8, 3), "uint8")
CLASSES = RNG.integers(0, 3, (6, 8)).astype("uint8")
GRAY = np.repeat((IMAGE @ [0.299, 0.587, 0.114]).round()[..., None], 3, axis=-1)


def test_painted_leaves_out_what_is_switched_off():
    full = pictures.painted(IMAGE, CLASSES, PALETTE, [0, 1, 2], 0.5)
    np.testing.assert_array_equal(full, overlay(IMAGE, CLASSES, PALETTE))
    some = pictures.painted(IMAGE, CLASSES, PALETTE, [0, 2], 0.5)
    off = CLASSES == 1
    np.testing.assert_array_equal(some[off], IMAGE[off])
    np.testing.assert_array_equal(some[~off], full[~off])
    none = pictures.painted(IMAGE, CLASSES, PALETTE, [], 1.0)
    np.testing.assert_array_equal(none, IMAGE)


def test_the_last_of_256_classes_is_switched_off():
    classes = np.full((6, 8), 255, "uint8")
    classes[0] = 0
    palette = np.full((256, 3), 90, "uint8")
    found = pictures.painted(IMAGE, classes, palette, [255], 1.0)
    np.testing.assert_array_equal(found[0], IMAGE[0])
    assert (found[1:] == 90).all()


def test_shares():
    expected = [(CLASSES == index).mean() for index in range(4)]
    np.testing.assert_allclose(pictures.shares(CLASSES, 4), expected)


def test_fitted():
    assert pictures.fitted(IMAGE, CLASSES, 8)[0] is IMAGE
    image, classes = pictures.fitted(IMAGE, CLASSES, 4)
    assert image.shape == (3, 4, 3)
    np.testing.assert_array_equal(classes, CLASSES[1::2, 1::2])
    means = IMAGE.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(image - means).max() <= 1


def test_errors_are_red_and_ignored_pixels_black():
    labels = CLASSES.copy()
    labels[0] = (CLASSES[0] + 1) % 3
    labels[1] = 255
    found = pictures.errors(IMAGE, CLASSES, labels)
    assert (found[0] == (230, 25, 75)).all() and (found[1] == 0).all()
    assert np.abs(found[2:] - GRAY[2:]).max() <= 1


def test_differences():
    second = CLASSES.copy()
    second[3] = (CLASSES[3] + 1) % 3
    found = pictures.differences(IMAGE, CLASSES, second)
    assert (found[3] == (255, 0, 255)).all()
    assert np.abs(found[4:] - GRAY[4:]).max() <= 1


def test_masks_of_independent_classes():
    masks = RNG.integers(0, 2, (6, 8, 3)).astype("uint8")
    shown = masks * np.uint8([1, 0, 1])
    found = pictures.painted(IMAGE, masks, PALETTE, [0, 2], 0.5)
    np.testing.assert_array_equal(found, overlay(IMAGE, shown, PALETTE))
    shares = [masks[..., index].mean() for index in range(3)]
    np.testing.assert_allclose(pictures.shares(masks, 3), shares)
    _, small = pictures.fitted(IMAGE, masks, 4)
    np.testing.assert_array_equal(small, masks[1::2, 1::2])
    second = masks.copy()
    second[3, :, 1] = 1 - masks[3, :, 1]
    rows = pictures.differ(masks, second).all(axis=1)
    np.testing.assert_array_equal(rows, np.arange(6) == 3)
    with pytest.raises(ValueError, match="must be independent, and as many"):
        pictures.differ(masks, CLASSES)


@pytest.mark.parametrize("size", [(4, 5), (10, 24)])
def test_nearest_is_that_of_pillow(size):
    picture = Image.fromarray(CLASSES).resize(size[::-1], Image.Resampling.NEAREST)
    np.testing.assert_array_equal(pictures.nearest(CLASSES, *size), picture)


def test_heat_is_light_where_values_are_high():
    image = np.full((60, 80, 3), 100, "uint8")
    cells = np.array([[0.1, 0.9], [0.5, 0.5]])
    found = pictures.heat_over(image, cells).astype(int).sum(axis=-1)
    low, high, middle = found[10, 10], found[10, 70], found[50, 10]
    assert low < middle < high
    assert (found[:30, :40] == low).all() and (found[:30, 40:] == high).all()
    # Where all are alike, but for rounding, nothing stands out.
    flat = pictures.heat_over(image, cells * 1e-9)
    assert np.ptp(flat.astype(int), axis=(0, 1)).max() <= 1


@pytest.mark.parametrize("point", [(30, 40), (0, 0), (59, 79)])
def test_marks_a_pixel(point):
    image = np.zeros((60, 80, 3), "uint8")
    found = pictures.heat_over(image, np.zeros((2, 2)), point)
    white = np.argwhere((found == 255).all(axis=-1))
    assert found.shape == image.shape and len(white)
    assert np.abs(white - point).max() <= 3
