import numpy as np
import pytest

from keras_seg.visualization import attention_chart
from tests.visualization.test_height_chart import place_of, written

LOW, HALF, HIGH = (12, 16, 48), (175, 70, 125), (255, 235, 170)
HEIGHT, WIDTH = 288, 168  # pixels of a heat map


def heat_map(values):
    """Values of 0, 0.5 and 1 in the first, the middle and the last colour."""
    colors = np.array([LOW, HALF, HIGH], "uint8")[(2 * np.array(values)).astype(int)]
    rows, columns = colors.shape[:2]
    return colors.repeat(HEIGHT // rows, axis=0).repeat(WIDTH // columns, axis=1)


def test_colors_and_order():
    weights = np.array([[0, 1, 0.5], [0, 0.5, 1], [0.5, 0, 0.5], [1, 0, 0]])
    chart = attention_chart({"attention1": weights})
    assert chart.dtype == np.uint8 and chart.shape[2] == 3
    assert place_of(chart, heat_map(weights[:, [1, 2, 0]])) is not None
    with_axis = attention_chart({"attention1": weights[:, None]})
    np.testing.assert_array_equal(chart, with_axis)


def test_order_leaves_out_what_a_channel_has_at_all_heights():
    # Of all of its weight the first has its centre higher than the second.
    weights = np.array([[0.5, 0], [0.5, 1], [1, 0.5]])
    chart = attention_chart({"a": weights})
    assert place_of(chart, heat_map(weights[:, ::-1])) is not None


def test_channels_without_contrast_are_in_the_middle():
    weights = np.array([[0.5, 0, 1], [0.5, 0, 0], [0.5, 1, 0]])
    chart = attention_chart({"a": weights})
    assert place_of(chart, heat_map(weights[:, [2, 0, 1]])) is not None


def test_averages_what_is_finer_than_the_pixels():
    weights = np.zeros((2 * HEIGHT, 2 * WIDTH))
    weights[:2, ::2] = 1
    weights[:2, 1::2] = 0.5
    weights[HEIGHT:, 0] = 1  # so that this one comes last
    expected = np.full((HEIGHT, WIDTH, 3), LOW, "uint8")
    expected[0] = HIGH  # 0.75
    expected[HEIGHT // 2 :, -1] = [218, 110, 95]  # 0.5, two thirds of the way
    chart = attention_chart({"a": weights})
    assert place_of(chart, expected) is not None
    for text in ("weights 0.000 to 1.000", "0.750"):
        assert place_of(chart, written(text)) is not None, text


def test_each_map_has_its_own_scale_and_the_same_height():
    weights = np.array([[0, 1], [1, 0.5]])
    maps = {"first": weights, "second": 0.25 + weights.repeat(30, axis=0) / 10}
    chart = attention_chart(maps)
    expected = heat_map(weights[:, ::-1])
    row, column = place_of(chart, expected)
    rest = chart[:, column + WIDTH :]
    assert place_of(rest, expected)[0] == row
    for text in ("first", "second", "2 channels", "weights 0.250 to 0.350"):
        assert place_of(chart, written(text)) is not None, text
    below = chart[row + HEIGHT :]
    for text in ("0.000", "1.000", "0.250", "0.350"):
        assert place_of(below, written(text)) is not None, text
    # The scales are as wide as the maps and show the same colours.
    low, high = (np.argwhere((below == end).all(axis=-1)) for end in (LOW, HIGH))
    assert low[:, 1].min() == column and high[:, 1].min() < column + WIDTH
    assert high[-1].tolist() == [low[-1, 0], column + 2 * WIDTH + 16 - 1]


def test_colors_are_ordered_by_lightness():
    weights = np.linspace(0, 1, HEIGHT)[:, None]
    chart = attention_chart({"a": weights})
    row, column = np.argwhere((chart == LOW).all(axis=-1))[0]
    colors = chart[row : row + HEIGHT, column].astype(int)
    assert tuple(colors[-1]) == HIGH
    lightness = colors @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) > -0.5).all()  # but for rounding
    assert len(np.unique(colors, axis=0)) > 200


def test_rounding_is_no_contrast():
    noise = np.random.default_rng(0).normal(scale=1e-10, size=(5, 999))
    chart = attention_chart({"a": 0.3 + noise})
    even = np.full((HEIGHT, WIDTH, 3), LOW, "uint8")
    assert place_of(chart, even) is not None


def test_image_is_beside_the_maps_at_their_height():
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, 300, 3), "uint8")
    weights = np.array([[0, 1], [1, 0.5]])
    chart = attention_chart({"a": weights}, image)
    row, column = place_of(chart, image)
    heat_row, heat_column = place_of(chart, heat_map(weights[:, ::-1]))
    assert row == heat_row and column + 300 < heat_column
    floats = attention_chart({"a": weights}, image + 0.3)
    np.testing.assert_array_equal(floats, chart)


def test_image_keeps_its_proportions():
    weights = {"a": np.eye(3)}
    image = np.full((60, 100, 3), [0, 200, 0], "uint8")
    chart = attention_chart(weights, image)
    expected = np.full((HEIGHT, HEIGHT * 100 // 60, 3), [0, 200, 0], "uint8")
    assert place_of(chart, expected) is not None
    assert (chart == [0, 200, 0]).all(axis=-1).sum() == expected[..., 0].size


@pytest.mark.parametrize("image", [None, np.zeros((300, 2, 3))])
@pytest.mark.parametrize(
    "name", ["a", "a layer with a name that is longer than its map"]
)
def test_nothing_is_cut_off(image, name):
    chart = attention_chart({name: np.eye(4)}, image)
    for edge in (chart[:2], chart[-2:], chart[:, :2], chart[:, -2:]):
        assert (edge == 255).all()
    axis = "from left to right: channels, sorted by", "the height of their centre"
    title = [] if image is None else ["image"]
    for text in (name, *axis, "top", "bottom", *title):
        assert place_of(chart, written(text)) is not None, text


def test_one_map_alone_is_a_narrow_picture():
    chart = attention_chart({"a": np.eye(4)})
    assert chart.shape[1] < 2 * WIDTH
    more = attention_chart({name: np.eye(4) for name in "abcd"})
    assert more.shape[0] < chart.shape[0]  # the label of the axis has one line


@pytest.mark.parametrize(
    "attention, message",
    [
        ({}, "`attention` must hold an array or more"),
        ({"a": np.zeros((2, 5, 1, 3))}, r"for 'a' the shape \(2, 5, 1, 3\)"),
        ({"a": np.zeros((5, 2, 3))}, r"for 'a' the shape \(5, 2, 3\)"),
        ({"a": np.zeros((0, 3))}, r"for 'a' the shape \(0, 3\)"),
        ({"a": np.eye(3), "b": [[1.5]]}, r"0\.\.1.*for 'b' values in 1\.5\.\.1\.5"),
        ({"a": [[np.nan]]}, r"0\.\.1.*for 'a' values in nan"),
        ({"a": [[-0.1, 1]]}, r"0\.\.1.*for 'a' values in -0\.1\.\.1"),
    ],
)
def test_rejects_bad_attention(attention, message):
    with pytest.raises(ValueError, match=message):
        attention_chart(attention)


@pytest.mark.parametrize("shape", [(8, 9), (8, 9, 4), (1, 8, 9, 3), (0, 9, 3)])
def test_rejects_bad_images(shape):
    with pytest.raises(ValueError, match="`image` must be one.*Received the shape"):
        attention_chart({"a": np.eye(3)}, np.zeros(shape))
