import numpy as np
import pytest

from keras_seg.visualization import attention_chart
from tests.visualization.figures import (
    assert_nothing_is_cut_off,
    axes_titled,
    scale_of,
    texts,
    values_in,
)


def shown(figure, name="a"):
    return values_in(axes_titled(figure, f"{name}\n"))


def test_channels_are_sorted_by_height():
    weights = np.array([[0, 1, 0.5], [0, 0.5, 1], [0.5, 0, 0.5], [1, 0, 0]])
    figure = attention_chart({"attention1": weights})
    np.testing.assert_array_equal(shown(figure, "attention1"), weights[:, [1, 2, 0]])
    with_axis = attention_chart({"attention1": weights[:, None]})
    np.testing.assert_array_equal(shown(with_axis, "attention1"), weights[:, [1, 2, 0]])


def test_order_leaves_out_what_a_channel_has_at_all_heights():
    # Of all of its weight the first has its center higher than the second.
    weights = np.array([[0.5, 0], [0.5, 1], [1, 0.5]])
    np.testing.assert_array_equal(
        shown(attention_chart({"a": weights})), weights[:, ::-1]
    )


def test_channels_without_contrast_are_in_the_middle():
    weights = np.array([[0.5, 0, 1], [0.5, 0, 0], [0.5, 1, 0]])
    expected = weights[:, [2, 0, 1]]
    np.testing.assert_array_equal(shown(attention_chart({"a": weights})), expected)


def test_averages_many_channels():
    rng = np.random.default_rng(0)
    weights = np.sort(rng.uniform(size=(5, 800)), axis=1)
    weights[1:] = 0  # all of one height, which keep their order
    figure = attention_chart({"a": weights})
    expected = weights.reshape(5, 400, 2).mean(axis=2)
    np.testing.assert_allclose(shown(figure), expected)
    # The scale is that of what is shown, the title that of all weights.
    axes = axes_titled(figure, "a\n")
    np.testing.assert_allclose(scale_of(axes), (expected.min(), expected.max()))
    limits = f"weights {weights.min():.3f} to {weights.max():.3f}"
    assert axes.get_title() == f"a\n800 channels\n{limits}"


def test_each_map_has_its_own_scale_and_the_same_height():
    weights = np.array([[0, 1], [1, 0.5]])
    maps = {"first": weights, "second": 0.25 + weights.repeat(30, axis=0) / 10}
    figure = attention_chart(maps)
    first, second = (axes_titled(figure, name) for name in maps)
    assert scale_of(first) == (0, 1)
    np.testing.assert_allclose(scale_of(second), (0.25, 0.35))
    assert first.get_ylim() == second.get_ylim() == (1, 0)  # the top is above
    figure.draw_without_rendering()
    boxes = [axes.get_position() for axes in (first, second)]
    assert boxes[0].y0 == pytest.approx(boxes[1].y0)
    assert boxes[0].y1 == pytest.approx(boxes[1].y1)
    for text in ("0.000", "1.000", "0.250", "0.350", "top", "bottom"):
        assert text in texts(figure)


def test_rounding_is_no_contrast():
    noise = np.random.default_rng(0).normal(scale=1e-10, size=(5, 300))
    low, high = scale_of(axes_titled(attention_chart({"a": 0.3 + noise}), "a\n"))
    assert high - low > 1e-7


def test_image_is_beside_the_maps():
    image = np.random.default_rng(0).integers(0, 256, (60, 100, 3), "uint8")
    for given in (image, image + 0.3):
        figure = attention_chart({"a": np.eye(3)}, given)
        np.testing.assert_array_equal(values_in(axes_titled(figure, "image")), image)
    figure.draw_without_rendering()
    box = axes_titled(figure, "image").get_window_extent()
    assert box.width / box.height == pytest.approx(100 / 60)
    assert box.x1 < axes_titled(figure, "a\n").get_window_extent().x0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name, image",
    [("a", None), ("a $layer_ with a name longer than its$ map", np.zeros((99, 2, 3)))],
)
def test_nothing_is_cut_off(name, image):
    figure = attention_chart({name: np.eye(4)}, image)
    assert_nothing_is_cut_off(figure)
    assert any(text.startswith(f"{name}\n") for text in texts(figure))


@pytest.mark.parametrize(
    "attention, message",
    [
        ({}, "`attention` must hold at least one array"),
        (np.eye(3), r"`attention` must be a dict \{name: array\}. Received: ndarray"),
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
