import numpy as np
import pytest

from keras_seg.data import default_palette
from keras_seg.visualization import height_chart
from keras_seg.visualization.heat_maps import PALE
from tests.visualization.figures import (
    assert_nothing_is_cut_off,
    axes_titled,
    drawn,
    texts,
)

PALETTE = np.array([[200, 0, 0], [0, 150, 0], [0, 0, 100]], "uint8")
NAMES = ("road", "car", "sky")
COUNTS = np.array(  # by mean height: sky, car, road
    [[0, 10, 30], [0, 0, 8], [10, 10, 20], [5, 5, 0], [36, 4, 0], [10, 0, 0]]
)
PARTS = ("whole image", "upper third", "middle third", "lower third")


def legend_of(figure):
    """Names and colors."""
    (legend,) = figure.legends
    colors = [patch.get_facecolor()[:3] for patch in legend.get_patches()]
    return [text.get_text() for text in legend.get_texts()], colors


def test_stacks_the_shares_at_each_height_from_the_highest_class_on():
    axes = axes_titled(height_chart(COUNTS, PALETTE, NAMES), "classes at each height")
    starts = np.zeros(6)
    for band, index in zip(axes.patches, (2, 1, 0), strict=True):
        data = band.get_data()
        shares = COUNTS[:, index] / COUNTS.sum(axis=1)
        np.testing.assert_allclose(data.baseline, starts)
        np.testing.assert_allclose(data.values, starts + shares)
        np.testing.assert_allclose(data.edges, np.arange(7) / 6)
        np.testing.assert_allclose(band.get_facecolor()[:3], PALETTE[index] / 255)
        starts += shares
    np.testing.assert_allclose(starts, 1)
    assert axes.get_ylim() == (1, 0)  # the top of the images is above


def test_bars_are_the_shares_of_the_whole_and_its_thirds():
    figure = height_chart(COUNTS, PALETTE, NAMES)
    thirds = [COUNTS[:2].sum(axis=0), COUNTS[2:4].sum(axis=0), COUNTS[4:].sum(axis=0)]
    order = [0, 2, 1]  # in the whole image
    for part, counts in zip(PARTS, [sum(thirds), *thirds], strict=True):
        axes = axes_titled(figure, part)
        shares = (counts / counts.sum())[order]
        bars = axes.patches
        np.testing.assert_allclose([bar.get_width() for bar in bars], shares)
        colors = [bar.get_facecolor()[:3] for bar in bars]
        np.testing.assert_allclose(colors, PALETTE[order] / 255)
        assert [text.get_text() for text in axes.texts] == [f"{x:.1%}" for x in shares]
        assert axes.get_xlim() == axes_titled(figure, PARTS[0]).get_xlim()
    names = axes_titled(figure, "whole image").get_yticklabels()
    assert [text.get_text() for text in names] == [NAMES[index] for index in order]


def test_titles_state_entropies():
    written = texts(height_chart(COUNTS, PALETTE, NAMES))
    for text in (
        "whole image: entropy 1.05 nats",  # of 61, 29 and 58 pixels of 148
        "upper third: entropy 0.51 nats",  # 0, 10, 38
        "middle third: entropy 1.09 nats",  # 15, 15, 20
        "lower third: entropy 0.28 nats",  # 46, 4, 0
        "41.2%",
    ):
        assert text in written
    assert "no pixels" not in written


def test_legend_is_in_the_order_of_the_stack():
    names, colors = legend_of(height_chart(COUNTS, PALETTE, NAMES))
    assert names == ["sky", "car", "road"]
    np.testing.assert_allclose(colors, PALETTE[::-1] / 255)
    # A class that does not occur comes last.
    names, _ = legend_of(height_chart(COUNTS * [1, 1, 0], PALETTE, NAMES))
    assert names == ["car", "road", "sky", "no pixels"]


@pytest.mark.filterwarnings("error")
def test_heights_without_pixels():
    counts = COUNTS.copy()
    counts[:3] = 0
    figure = height_chart(counts, PALETTE, NAMES)
    axes = axes_titled(figure, "classes at each height")
    for band in axes.patches:
        np.testing.assert_array_equal(
            np.isnan(band.get_data().values), np.arange(6) < 3
        )
    assert axes.get_facecolor()[:3] == PALE
    upper = axes_titled(figure, "upper third: no pixels")
    assert not upper.texts and not any(bar.get_width() for bar in upper.patches)
    names, colors = legend_of(figure)
    assert names[-1] == "no pixels"
    np.testing.assert_allclose(colors[-1], PALE)
    drawn(figure)


@pytest.mark.filterwarnings("error")
def test_many_classes_with_long_names():
    counts = np.random.default_rng(0).integers(1, 100, (48, 40))
    counts[:, :11] += 1000
    names = [f"_a class with a ${index} name$ {index}" for index in range(40)]
    figure = height_chart(counts, default_palette(40), names)
    assert_nothing_is_cut_off(figure)
    assert sorted(legend_of(figure)[0]) == sorted(names)
    written = texts(axes_titled(figure, "whole image"))
    others = counts[:, 11:].sum() / counts.sum()
    assert "29 others" in written and f" {others:.1%}" in written
    assert len(axes_titled(figure, "upper third").patches) == 11


@pytest.mark.parametrize(
    "counts, palette, names, message",
    [
        (np.ones((4, 3)), PALETTE, NAMES, r"multiple of 3.*shape \(4, 3\)"),
        (np.ones(3), PALETTE, NAMES, r"`counts` must be.*shape \(3,\)"),
        (np.ones((0, 3)), PALETTE, NAMES, r"`counts` must be.*shape \(0, 3\)"),
        (np.ones((3, 4)), PALETTE, NAMES, r"4 classes.*palette \(3, 3\) and 3 names"),
        (np.ones((3, 3)), PALETTE, NAMES[:2], "3 classes.*and 2 names"),
        (np.ones((3, 3)), PALETTE[:2], NAMES, r"3 classes.*palette \(2, 3\)"),
        (np.zeros((3, 3)), PALETTE, NAMES, "must hold pixels. Received: only zeros"),
        (-np.ones((3, 3)), PALETTE, NAMES, "must hold finite values of 0 or more"),
    ],
)
def test_rejects_bad_arguments(counts, palette, names, message):
    with pytest.raises(ValueError, match=message):
        height_chart(counts, palette, names)
