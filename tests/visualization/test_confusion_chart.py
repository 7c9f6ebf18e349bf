import numpy as np
import pytest

from keras_seg.visualization import confusion_chart
from keras_seg.visualization.heat_maps import PALE
from tests.visualization.figures import assert_nothing_is_cut_off, scale_of, values_in

NAMES = ("road", "car", "sky")
COUNTS = np.array([[6, 2, 2], [0, 0, 0], [1, 0, 3]])


def matrix_of(figure):
    """The axes of the matrix, without those of the scale."""
    return figure.axes[0]


def labels(ticks):
    return [text.get_text() for text in ticks]


def test_cells_are_the_rows_shares():
    axes = matrix_of(confusion_chart(COUNTS, NAMES))
    shares = values_in(axes)
    expected = [[0.6, 0.2, 0.2], [0, 0, 0], [0.25, 0, 0.75]]
    np.testing.assert_allclose(shares.data, expected)
    assert scale_of(axes) == (0, 1)
    # A class without pixels is pale.
    assert shares.mask.tolist() == [[False] * 3, [True] * 3, [False] * 3]
    assert axes.get_facecolor()[:3] == PALE


def test_a_last_column_of_predictions_that_are_no_class():
    counts = np.array([[6, 2, 1, 1], [0, 1, 0, 0], [1, 0, 3, 0]])
    axes = matrix_of(confusion_chart(counts, NAMES))
    np.testing.assert_allclose(values_in(axes), counts / [[10], [1], [4]])
    assert labels(axes.get_xticklabels()) == [*NAMES, "no class"]
    assert labels(axes.get_yticklabels()) == [*NAMES]


def test_names_stand_left_and_above():
    figure = confusion_chart(COUNTS, NAMES)
    axes = matrix_of(figure)
    assert labels(axes.get_yticklabels()) == [*NAMES]
    assert labels(axes.get_xticklabels()) == [*NAMES]
    figure.draw_without_rendering()
    columns = [tick.label2 for tick in axes.xaxis.get_major_ticks()]
    assert labels(columns) == [*NAMES]
    assert all(text.get_visible() and text.get_rotation() == 90 for text in columns)


def test_cells_say_their_percentage():
    axes = matrix_of(confusion_chart(COUNTS, NAMES))
    found = {text.get_position(): text.get_text() for text in axes.texts}
    assert found == {
        (0, 0): "60",
        (1, 0): "20",
        (2, 0): "20",
        (0, 2): "25",
        (2, 2): "75",
    }


def test_percentages_are_dark_on_light_cells():
    axes = matrix_of(confusion_chart([[9, 1], [5, 5]], NAMES[:2]))
    colors = {text.get_text(): text.get_color() for text in axes.texts}
    assert colors == {"90": "black", "10": "white", "50": "white"}


@pytest.mark.filterwarnings("error")
def test_many_classes_stay_within_the_picture():
    names = [f"a class with a long name {index}" for index in range(50)]
    figure = confusion_chart(np.eye(50, dtype=int), names)
    assert not matrix_of(figure).texts
    assert_nothing_is_cut_off(figure)
    assert_nothing_is_cut_off(confusion_chart([[3]], ["$\\alpha$ and _b"]))


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
