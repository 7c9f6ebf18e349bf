import numpy as np
import pytest

from keras_seg.visualization import comparison

PALETTE = np.array([[200, 0, 0], [0, 150, 0], [0, 0, 100]], "uint8")
NAMES = ("road", "car", "sky")


def arguments(batch=2, height=30, width=50):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch, height, width, 3), "uint8")
    labels = rng.integers(0, 3, (batch, height, width))
    labels[:, :5] = 255
    return [images, labels, rng.integers(0, 3, labels.shape), PALETTE, NAMES]


def find(picture, panel):
    """Returns whether a panel is part of a picture."""
    height, width = panel.shape[:2]
    rows, columns = np.nonzero((picture == panel[0, 0]).all(axis=-1))
    return any(
        np.array_equal(picture[row : row + height, column : column + width], panel)
        for row, column in zip(rows, columns, strict=True)
    )


def test_holds_all_panels_enlarged():
    images, labels, predictions, *_ = given = arguments()
    picture = comparison(*given)
    assert picture.dtype == np.uint8 and picture.ndim == 3

    def enlarge(panel):  # 50 pixels to 300
        return panel.repeat(6, axis=0).repeat(6, axis=1)

    with_ignored = np.concatenate([PALETTE, np.zeros((253, 3), "uint8")])
    for index in range(2):
        assert find(picture, enlarge(images[index]))
        assert find(picture, enlarge(with_ignored[labels[index]]))
        # Ignored pixels show what was predicted.
        assert find(picture, enlarge(PALETTE[predictions[index]]))


def test_large_images_keep_their_size():
    images, *_ = given = arguments(batch=1, height=20, width=300)
    picture = comparison(*given)
    assert find(picture, images[0])
    assert picture.shape[1] == 3 * 300 + 4 * 8


def test_legend_shows_every_color_below_the_panels():
    given = arguments(batch=1)
    legend = comparison(*given)[-20:]
    for color in PALETTE:
        assert (legend == color).all(axis=-1).sum() > 100


def test_long_legend_fits():
    images, labels, predictions, _, _ = arguments(batch=1)
    palette = np.random.default_rng(0).integers(0, 256, (150, 3), "uint8")
    names = [f"a class with a long name {index}" for index in range(150)]
    picture = comparison(images, labels, predictions, palette, names)
    for color in palette:
        assert (picture[219:] == color).all(axis=-1).any()


def test_images_of_floats():
    images, *rest = arguments()
    moved = images.astype("float32") + 0.3
    np.testing.assert_array_equal(comparison(moved, *rest), comparison(images, *rest))


@pytest.mark.parametrize(
    "place, value, message",
    [
        (0, np.zeros((2, 30, 49, 3)), r"Received: images \(2, 30, 49, 3\)"),
        (1, np.zeros((30, 50), int), r"and labels \(30, 50\)"),
        (2, np.zeros((2, 30, 50, 3)), "`predictions` must be classes.*argmax"),
        (4, ("road", "car"), "Received: 2 names and 3 colors"),
    ],
)
def test_rejects_bad_arguments(place, value, message):
    given = arguments()
    given[place] = value
    with pytest.raises(ValueError, match=message):
        comparison(*given)
