import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import (
    SegmentationDataset,
    class_shares,
    default_palette,
    evaluation_pipeline,
)


class Checks(SegmentationDataset):
    """The data set of ten lines that the documentation promises."""

    def __init__(self, class_names=("dark", "light"), **kwargs):
        super().__init__(class_names, **kwargs)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        label = np.indices((8, 10)).sum(axis=0) % 2
        return np.uint8(label[..., None] * [255, 240, 230]), np.uint8(label)


def test_attributes():
    dataset = Checks(palette=[[1, 2, 3], [4, 5, 6]], ignore_class=9)
    assert dataset.class_names == ("dark", "light")
    assert dataset.num_classes == 2
    assert dataset.ignore_class == 9
    assert dataset.palette.dtype == np.uint8
    np.testing.assert_array_equal(dataset.palette, [[1, 2, 3], [4, 5, 6]])


def test_defaults():
    dataset = Checks()
    assert dataset.ignore_class == 255
    np.testing.assert_array_equal(dataset.palette, default_palette(2))


def test_iterates_over_all_samples_and_ends():
    assert [label.shape for _, label in Checks()] == [(8, 10)] * 4


def test_must_be_completed():
    with pytest.raises(TypeError, match="abstract"):
        SegmentationDataset(("a",))


@pytest.mark.parametrize(
    "class_names",
    ["road", ("road", 1), (), {"a", "b"}, {"b": 1, "a": 0}, ("a", "b", "a")],
)
def test_rejects_bad_names(class_names):
    with pytest.raises(ValueError, match="`class_names` must"):
        Checks(class_names)


@pytest.mark.parametrize("ignore_class", [0, 1, -1, 2.0, None])
def test_rejects_ignore_class_among_the_classes(ignore_class):
    with pytest.raises(ValueError, match=r"none of the classes 0\.\.1.*Received"):
        Checks(ignore_class=ignore_class)


def test_ignored_label_of_numpy_and_of_files_that_ignore_0():
    dataset = Checks(ignore_class=np.int64(7))
    assert dataset.ignore_class == 7 and type(dataset.ignore_class) is int
    with pytest.raises(ValueError, match="--label-map 0:255,1:0,2:1"):
        Checks(ignore_class=0)


@pytest.mark.parametrize(
    ("label", "words"),
    [(0.5, r"\[0.5\]"), (2**40, r"\[1099511627776\]"), (float("nan"), r"\[nan\]")],
)
def test_labels_that_a_cast_would_turn_into_classes(label, words):
    class Odd(Checks):
        def __getitem__(self, index):
            return np.zeros((8, 10, 3), "uint8"), np.full((8, 10), label)

    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        next(iter(evaluation_pipeline(Odd())))
    with pytest.raises(ValueError, match=f"Label 0: .*{words}"):
        class_shares(Odd())


def test_rejects_bad_palettes():
    with pytest.raises(ValueError, match=r"shape \(2, 3\).*Received the shape \(3, 3"):
        Checks(palette=np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"0\.\.255. Received values in 0\.\.256"):
        Checks(palette=[[0, 0, 0], [256, 0, 0]])


@pytest.mark.parametrize(
    "palette", [[[0, 0, 0], [1.0, 0, 1]], [[0, 0, 0.5], [9, 9, 9]]]
)
def test_rejects_palettes_of_fractions(palette):
    with pytest.raises(ValueError, match="must hold integers in 0..255. .*multiply by"):
        Checks(palette=palette)


def test_more_than_255_classes_need_another_ignored_label():
    names = [*map(str, range(300))]
    with pytest.raises(ValueError, match="=255. Pass a larger one, such as 65535"):
        Checks(names)
    assert Checks(names, ignore_class=65535).ignore_class == 65535
