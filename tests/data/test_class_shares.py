import warnings

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import (
    ImageFolder,
    SegmentationDataset,
    balanced_class_weights,
    class_shares,
)


class Labels(SegmentationDataset):
    """Labels that are given, and how many of them were read."""

    def __init__(self, labels, class_names=("road", "car", "sky"), **options):
        super().__init__(class_names, **options)
        self.labels, self.read = [np.array(label) for label in labels], 0

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        self.read += 1
        label = self.labels[index]
        return np.zeros((*label.shape, 3), "uint8"), label


def test_counts_every_class_and_what_is_ignored():
    shares = class_shares(Labels([[[0, 0, 1, 255]], [[0, 2, 2, 2]]]))
    np.testing.assert_array_equal(shares.class_pixels, [3, 1, 3])
    np.testing.assert_allclose(shares.shares, [3 / 7, 1 / 7, 3 / 7])
    assert (shares.ignored_pixels, shares.ignored_share) == (1, 1 / 8)
    assert str(shares).splitlines() == [
        "Classes in the labels of 2 of 2 images:",
        "   road   42.86%",
        "    car   14.29%",
        "    sky   42.86%",
        "ignored   12.50% of all pixels",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shares.check()


def test_a_sample_is_spread_over_the_images():
    dataset = Labels([[[k % 2]] for k in range(10)])
    shares = class_shares(dataset, images=4)
    assert (shares.images, shares.total, dataset.read) == (4, 10, 4)
    np.testing.assert_array_equal(shares.class_pixels, [2, 2, 0])  # 0, 3, 6 and 9
    np.testing.assert_array_equal(class_shares(dataset, 100).class_pixels, [5, 5, 0])


def test_a_sample_of_one_class_is_not_the_last_word():
    """Something rare may be in the images that were not looked at."""
    dataset = Labels([[[0]]] * 50 + [[[1]]] + [[[0]]] * 49)
    shares = class_shares(dataset, images=4)
    assert shares.images == dataset.read == 53  # 4, then those before the 51st
    with pytest.warns(UserWarning, match="53 were counted, and none has the class sky"):
        shares.check()


def masks(folder, **options):
    """A folder of images with masks of 0 and 255, as many tools write them."""
    for kind in ("images", "labels"):
        (folder / kind).mkdir()
    mask = np.zeros((6, 8), "uint8")
    mask[:3] = 255
    Image.fromarray(np.zeros((6, 8, 3), "uint8")).save(folder / "images" / "a.png")
    Image.fromarray(mask).save(folder / "labels" / "a.png")
    folders = folder / "images", folder / "labels"
    return ImageFolder(*folders, ["background", "object"], **options)


def test_masks_of_0_and_255_stop_and_say_what_to_do(tmp_path):
    shares = class_shares(masks(tmp_path))
    with pytest.raises(ValueError) as error:
        shares.check()
    message = str(error.value)
    assert "Of 2 classes, 'background' alone is left" in message
    assert "50.0% of the pixels are ignored" in message
    assert "label_map={0: 0, 255: 1}" in message
    assert "--label-map 0:0,255:1" in message and "--ignore-class" in message


@pytest.mark.parametrize("ignore_class", [255, 7])
def test_masks_of_0_and_255_are_read_as_the_error_says(ignore_class, tmp_path):
    options = {"label_map": {0: 0, 255: 1}, "ignore_class": ignore_class}
    shares = class_shares(masks(tmp_path, **options))
    np.testing.assert_array_equal(shares.class_pixels, [24, 24])
    assert shares.ignored_pixels == 0
    shares.check()


def test_labels_without_a_class_stop():
    with pytest.raises(ValueError, match="Of 3 classes, none is left"):
        class_shares(Labels([[[255, 255]]])).check()


def test_the_background_is_a_class_too(tmp_path):
    mask = np.zeros((6, 8), "uint8")
    Image.fromarray(mask).save(tmp_path / "a.png")
    shares = class_shares(ImageFolder(tmp_path, tmp_path, ["person"]))
    with pytest.raises(ValueError, match="'person' alone is left.*The background is a"):
        shares.check()


def test_a_label_that_is_no_class_is_named():
    with pytest.raises(ValueError, match=r"Label 1: Labels must .*Received: \[7, 9\]"):
        class_shares(Labels([[[0, 1]], [[9, 7]]]))


def test_weights_by_median_frequency():
    """Of the images that show a class: 4 / 7, 1 / 3 and 3 / 4 of their labels."""
    dataset = Labels([[[0, 0, 1, 255]], [[0, 2, 2, 2]], [[0, 255, 255, 255]]])
    frequencies = np.array([4 / 8, 1 / 3, 3 / 4])
    expected = np.median(frequencies) / frequencies
    np.testing.assert_allclose(balanced_class_weights(dataset), expected)


def test_a_class_that_never_occurs_weighs_1():
    weights = balanced_class_weights(Labels([[[0, 0, 0, 1]]]))
    np.testing.assert_allclose(weights, [0.5 / 0.75, 0.5 / 0.25, 1])
    with pytest.raises(ValueError, match="must have labels with classes"):
        balanced_class_weights(Labels([[[255]]]))
