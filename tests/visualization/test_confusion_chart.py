import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from keras_seg.visualization import confusion_chart
from keras_seg.visualization.heat import heat

NAMES = ("road", "car", "sky")
COUNTS = np.array([[6, 2, 2], [0, 0, 0], [1, 0, 3]])
CELL, PALE = 36, (236, 236, 236)


def cells(chart, counts, cell):
    """The colour of each cell, from a corner that no number reaches."""
    rows, columns = np.shape(counts)
    first = np.argwhere((chart == heat(np.array(0.6))).all(axis=-1))[0]
    corners = first + 3
    return chart[corners[0] :: cell, corners[1] :: cell][:rows, :columns]


def test_cells_have_the_colours_of_their_rows_shares():
    chart = confusion_chart(COUNTS, NAMES)
    assert chart.dtype == np.uint8 and chart.shape[2] == 3
    expected = heat(np.array([[0.6, 0.2, 0.2], [0, 0, 0], [0.25, 0, 0.75]]))
    expected[1] = PALE
    np.testing.assert_array_equal(cells(chart, COUNTS, CELL), expected)


def test_a_last_column_of_predictions_that_are_no_class():
    counts = np.array([[6, 2, 1, 1], [0, 1, 0, 0], [1, 0, 3, 0]])
    chart = confusion_chart(counts, NAMES)
    expected = heat(counts / counts.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(cells(chart, counts, CELL), expected)
    assert chart.shape[1] >= confusion_chart(COUNTS, NAMES).shape[1]


def test_names_stand_left_and_above():
    """Each name is found, at its row as it is, at its column from below to above."""
    chart = confusion_chart(COUNTS, NAMES)
    for text in NAMES:
        assert contains(chart, written(text))
        assert contains(np.rot90(chart, -1), written(text))
    assert not contains(chart, written("bus"))


def test_cells_say_their_percentage():
    chart = confusion_chart(COUNTS, NAMES)
    ink = np.abs(chart.astype(int) - heat(np.array(0.2))).sum(axis=-1) > 100
    first = np.argwhere((chart == heat(np.array(0.6))).all(axis=-1))[0]
    middle = first + CELL // 2
    assert ink[middle[0] - 5 : middle[0] + 5, middle[1] + CELL - 8 :][:, :16].any()
    # Nothing in a cell without pixels.
    row, column = first + [2 * CELL, CELL]
    dark = chart[row + 2 : row + CELL - 2, column + 2 : column + CELL - 2]
    assert (dark == heat(np.array(0.0))).all()


def test_many_classes_stay_within_the_picture():
    names = [f"a class with a long name {index}" for index in range(150)]
    chart = confusion_chart(np.eye(150, dtype=int), names)
    for edge in (chart[:2], chart[-2:], chart[:, :2], chart[:, -2:]):
        assert (edge == 255).all()
    light = (chart == heat(np.array(1.0))).all(axis=-1)
    assert light.sum() >= 150 * 15 * 15


@pytest.mark.parametrize(
    ("counts", "names", "message"),
    [
        (np.ones((3, 5)), NAMES, r"one column more. Received the shape \(3, 5\)"),
        (np.ones(3), NAMES, r"Received the shape \(3,\)"),
        (np.ones((3, 3)), NAMES[:2], "2 names for 3 classes"),
        (-np.ones((3, 3)), NAMES, "must hold counts. Received: -1"),
    ],
)
def test_rejects(counts, names, message):
    with pytest.raises(ValueError, match=message):
        confusion_chart(counts, names)


def written(text):
    """Where a text has ink, cut to it."""
    picture = Image.new("L", (200, 60), 255)
    font = ImageFont.load_default(size=15)
    ImageDraw.Draw(picture).text((20, 20), text, 0, font)
    ink = np.array(picture) < 128
    rows, columns = np.nonzero(ink)
    return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def contains(chart, ink):
    """Whether a part of the chart has nearly that ink, displaced by half a pixel."""
    dark = chart.mean(axis=-1) < 140
    windows = np.lib.stride_tricks.sliding_window_view(dark, ink.shape)
    candidates = np.argwhere(windows.sum(axis=(2, 3)) >= 0.7 * ink.sum())
    agreement = [(windows[row, column] == ink).mean() for row, column in candidates]
    return max(agreement, default=0) > 0.9
