import numpy as np
import pytest

from keras_seg.app.scores import scores

NAMES = ["road", "car", "sky", "pole"]


def test_iou_by_hand():
    labels = np.array([[0, 0, 0, 1], [1, 255, 2, 2]])
    classes = np.array([[0, 0, 1, 1], [0, 3, 2, 2]])
    found = scores(labels, classes, NAMES)
    # road: 2 of 4, car: 1 of 3, sky: 2 of 2; pole only where nothing counts.
    expected = {"mean IoU": 100 * (1 / 2 + 1 / 3 + 1) / 3, "sky": 100}
    expected |= {"road": 50, "car": 100 / 3}
    assert [name for name, _ in found] == ["mean IoU", "sky", "road", "car"]
    for name, iou in found:
        assert iou == pytest.approx(expected[name])


@pytest.mark.parametrize(
    "labels, message",
    [
        (np.zeros((3, 4), int), "2 x 4. Received: 3 x 4"),
        (np.full((2, 4), 255), "must have pixels that are not ignored"),
        (np.full((2, 4), 7), "7"),
    ],
)
def test_rejects(labels, message):
    with pytest.raises(ValueError, match=message):
        scores(labels, np.zeros((2, 4), int), NAMES)
