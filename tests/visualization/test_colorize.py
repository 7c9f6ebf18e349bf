import numpy as np
import pytest

from keras_seg.visualization import colorize, colorize_masks

PALETTE = np.array([[255, 0, 0], [0, 0, 255]], "uint8")


def test_colors():
    colors = colorize([[0, 1, 255], [1, 1, 0]], PALETTE)
    assert colors.dtype == np.uint8
    red, blue, black = [255, 0, 0], [0, 0, 255], [0, 0, 0]
    np.testing.assert_array_equal(colors, [[red, blue, black], [blue, blue, red]])


def test_everything_outside_the_palette_is_ignored():
    labels = np.array([[-2, 2, 255, 70000]])
    colors = colorize(labels, PALETTE, ignore_color=(9, 8, 7))
    np.testing.assert_array_equal(colors, [[[9, 8, 7]] * 4])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_batches(dtype):
    labels = np.random.default_rng(0).integers(0, 2, (2, 5, 7)).astype(dtype)
    colors = colorize(labels, PALETTE)
    assert colors.shape == (2, 5, 7, 3)
    np.testing.assert_array_equal(colors[1], colorize(labels[1], PALETTE))


@pytest.mark.parametrize("labels", [np.zeros((4, 5, 6, 2), int), np.zeros((4, 5)), [1]])
def test_rejects_what_is_no_label(labels):
    with pytest.raises(ValueError, match="`labels` must be integers.*argmax.*Received"):
        colorize(labels, PALETTE)


@pytest.mark.parametrize("palette", [np.zeros((2, 4)), np.zeros(3), np.zeros((0, 3))])
def test_rejects_bad_palettes(palette):
    with pytest.raises(
        ValueError, match=r"`palette` must be an array \(num_classes, 3"
    ):
        colorize([[0]], palette)


@pytest.mark.parametrize("palette", [[[0, 0, 300]], [[0, -1, 0]], [[0.2, 0.5, 1.0]]])
def test_colors_are_integers_up_to_255(palette):
    with pytest.raises(ValueError, match=r"`palette` must be integers in 0\.\.255"):
        colorize([[0]], palette)
    with pytest.raises(ValueError, match=r"`palette` must be integers in 0\.\.255"):
        colorize_masks([[[1]]], palette)


def test_the_ignored_color_is_rgb():
    with pytest.raises(ValueError, match="`ignore_color` must be RGB. Received"):
        colorize([[0]], PALETTE, ignore_color=5)
