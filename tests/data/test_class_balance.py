import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.data import (
    Augmentation,
    ImageFolder,
    SegmentationDataset,
    class_pixels,
    training_pipeline,
)
from keras_seg.data.augmentation import random_pixel
from keras_seg.data.balanced_order import balanced_order

STILL = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}


class Rare(SegmentationDataset):
    """Class 0 is everywhere; class 1 in a corner of every eighth image; 2 nowhere."""

    def __init__(self, count=16, size=(20, 30)):
        super().__init__(("common", "rare", "absent"))
        self.count, self.size, self.reads = count, size, 0

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.reads += 1
        label = np.zeros(self.size, "uint8")
        label[-1, :] = 255
        if index % 8 == 3:
            label[2:4, 5:8] = 1
        return np.full((*self.size, 3), index, "uint8"), label


def labels_of(pipeline, epochs=1):
    return np.concatenate([y for _ in range(epochs) for _, y in pipeline])


def test_class_pixels_are_counted_once():
    dataset = Rare()
    counts = class_pixels(dataset)
    assert counts.dtype == np.int64 and counts.shape == (16, 3)
    expected = np.array([[19 * 30, 0, 0]] * 16)
    expected[[3, 11]] = [19 * 30 - 6, 6, 0]
    np.testing.assert_array_equal(counts, expected)
    assert class_pixels(dataset) is counts and dataset.reads == 16
    assert class_pixels(Rare(8)).shape == (8, 3)


@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_class_pixels_of_labels_that_are_not_uint8(dtype):
    class Wide(Rare):
        def __getitem__(self, index):
            label = np.array([[0, 2, 2, 7000, -1]], dtype)
            return np.zeros((1, 5, 3), "uint8"), label

    np.testing.assert_array_equal(class_pixels(Wide(1)), [[1, 0, 2]])


def test_files_are_counted_without_their_images(tmp_path, monkeypatch):
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    label = np.array([[0, 0, 1], [1, 1, 255]], "uint8")
    Image.fromarray(label).save(tmp_path / "labels" / "a.png")
    Image.fromarray(label).save(tmp_path / "images" / "a.png")
    dataset = ImageFolder(tmp_path / "images", tmp_path / "labels", ("a", "b"))
    monkeypatch.setattr(type(dataset), "__getitem__", None)
    np.testing.assert_array_equal(class_pixels(dataset), [[2, 3]])


def test_classes_are_equally_likely_in_the_drawn_share():
    pixels = class_pixels(Rare())
    order = np.random.default_rng(1).permutation(16).repeat(500)
    chosen, focus = balanced_order(order, pixels, 0.25, np.random.default_rng(0))
    assert np.sum(focus >= 0) == 2000 and set(focus) == {-1, 0, 1}
    np.testing.assert_array_equal(chosen[focus < 0], order[focus < 0])
    assert abs(np.sum(focus == 1) - 1000) < 100
    # Each image that shows the class is as likely as the other.
    images, times = np.unique(chosen[focus == 1], return_counts=True)
    assert images.tolist() == [3, 11] and np.ptp(times) < 150
    assert len(np.unique(chosen[focus == 0])) == 16


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_rare_class_is_as_frequent_as_computed(share):
    """Of crops of one pixel, a drawn one shows its class and the others any pixel."""
    dataset = Rare(128)
    augmentation = Augmentation((1, 1), (1, 1), **STILL)
    pipeline = training_pipeline(dataset, 128, augmentation, class_balance=share)
    labels = labels_of(pipeline, epochs=4)
    rare = class_pixels(dataset)[:, 1].sum() / (128 * 20 * 30)
    expected = share / 2 + (1 - share) * rare
    deviation = np.sqrt(share / 4 / labels.size)
    assert abs(np.mean(labels == 1) - expected) < 3 * deviation + 0.01
    assert np.mean(labels == 255) < 0.1 * (1 - share) + 1e-9


def test_a_focused_crop_holds_its_class_anywhere():
    image, label = Rare()[3]
    augment = tf.function(Augmentation((8, 10), (0.9, 2), **STILL))
    places = set()
    for seed in range(60):
        _, crop = augment(image, label, tf.constant([0, seed]), None, tf.constant(1))
        rows, columns = np.nonzero(crop.numpy() == 1)
        assert len(rows)
        places.add((rows.max() // 4, columns.max() // 5))
    assert len(places) >= 3  # not always in one part of the crop


def test_a_focus_that_does_not_occur_changes_nothing():
    image, label = Rare()[3]
    augment = Augmentation((8, 10))
    expected = augment(image, label, (1, 2))
    for focus in (-1, 2):
        for one, other in zip(
            augment(image, label, (1, 2), focus=focus), expected, strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_focus_where_the_image_is_smaller_than_the_crop():
    image, label = Rare()[3]
    augment = tf.function(Augmentation((30, 10), (1, 1), **STILL))
    for seed in range(20):
        _, crop = augment(image, label, tf.constant([0, seed]), focus=1)
        assert (crop.numpy() == 1).any() and np.sum(crop[:, 0] == 255) == 11


def test_random_pixel_draws_all_alike():
    mask = np.zeros((4, 5), bool)
    mask[[0, 2, 2, 3], [4, 1, 3, 0]] = True
    draw = tf.function(random_pixel)
    drawn = [draw(mask, tf.constant([seed, 1])) for seed in range(400)]
    assert all(found for found, _ in drawn)
    pixels, times = np.unique([p for _, p in drawn], axis=0, return_counts=True)
    np.testing.assert_array_equal(pixels, np.argwhere(mask))
    assert times.min() > 60
    assert not draw(np.zeros((3, 2), bool), (0, 1))[0]


def test_balanced_epochs_are_reproducible_resumed_and_sharded():
    augmentation = Augmentation((6, 7))

    def labels(**options):
        options = {"seed": 5, "class_balance": 0.5, **options}
        pipeline = training_pipeline(Rare(), 4, augmentation, **options)
        return [labels_of(pipeline) for _ in range(2)]

    first = labels()
    np.testing.assert_array_equal(first, labels())
    assert not np.array_equal(first, labels(seed=6))
    np.testing.assert_array_equal(first[1], labels(first_epoch=1)[0])
    halves = [labels(shard=(index, 2))[0] for index in range(2)]
    together = [half.reshape(4, 2, 6, 7) for half in halves]
    np.testing.assert_array_equal(
        np.concatenate(together, axis=1), first[0].reshape(4, 4, 6, 7)
    )


def test_a_callable_gets_the_images_alone():
    def first_pixel(image, label, seed):
        return image[:1, :1], label[:1, :1]

    pipeline = training_pipeline(Rare(), 16, first_pixel, class_balance=1.0)
    images = np.concatenate([x for _ in range(5) for x, _ in pipeline])
    # Half are drawn for class 1, which two of 16 images show.
    assert np.mean(images[:, 0, 0, 0] % 8 == 3) > 0.4


def test_positions_of_a_focused_crop():
    pipeline = training_pipeline(
        Rare(), 16, Augmentation((4, 4), (1, 1)), positions=True, class_balance=1.0
    )
    for (images, rows), labels in pipeline:
        assert images.shape == (16, 4, 4, 3) and rows.shape == (16, 4)
        shown = np.argwhere(labels.numpy() == 1)
        # Class 1 is in rows 2 and 3 of 20, whose positions are 18 and 25.
        assert len(shown) and set(rows.numpy()[shown[:, 0], shown[:, 1]]) <= {18, 25}


@pytest.mark.parametrize("share", [-0.1, 1.5, "half", None])
def test_rejects_bad_shares(share):
    with pytest.raises(ValueError, match="`class_balance` must.*Received: class_bal"):
        training_pipeline(Rare(), 4, class_balance=share)


def test_labels_without_classes_cannot_be_balanced():
    class Empty(Rare):
        def __getitem__(self, index):
            return np.zeros((2, 2, 3), "uint8"), np.full((2, 2), 255, "uint8")

    with pytest.raises(ValueError, match="those of `dataset` hold none"):
        training_pipeline(Empty(), 4, class_balance=0.5)
