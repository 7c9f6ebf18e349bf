"""Data sets whose files a text file lists, as those of VOC and Cityscapes are."""

import numpy as np
import pytest

from keras_seg.data import ImageList, open_split, open_splits
from keras_seg.data.shared_images import shared_images
from tests.data.test_own_folder import LABEL, PIXELS, save

NAMES = ("road", "sky")


@pytest.fixture
def folder(tmp_path):
    for index, name in enumerate(("a", "b", "c d")):
        save(PIXELS + np.uint8(index), tmp_path / "images" / f"{name}.png")
        save(np.roll(LABEL, index), tmp_path / "gt" / f"{name}_mask.png")
    (tmp_path / "classes.txt").write_text("road\nsky")
    return tmp_path


def write(folder, name, *lines, encoding="utf-8"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "lines",
    [
        ("images/b.png gt/b_mask.png", "images/a.png  gt/a_mask.png"),
        ("# of VOC", "/images/b.png /gt/b_mask.png", "", "/images/a.png gt/a_mask.png"),
        ("images\\b.png\tgt\\b_mask.png", "images/a.png\tgt/a_mask.png"),
        ("images/b.png, gt/b_mask.png", "images/a.png,gt/a_mask.png"),
        ("{0}/images/b.png {0}/gt/b_mask.png", "{0}/images/a.png {0}/gt/a_mask.png"),
    ],
)
def test_lines(folder, lines, encoding):
    lines = [line.format(folder) for line in lines]
    dataset = ImageList(write(folder, "train.txt", *lines, encoding=encoding), NAMES)
    assert len(dataset) == 2 and dataset.image_dtype == "uint8"
    for (image, label), index in zip(dataset, (1, 0), strict=True):
        np.testing.assert_array_equal(image, PIXELS + np.uint8(index))
        np.testing.assert_array_equal(label, np.roll(LABEL, index))


def test_paths_with_spaces_and_another_folder(folder, tmp_path_factory):
    list_file = tmp_path_factory.mktemp("lists") / "val.csv"
    list_file.write_text("images/c d.png,gt/c d_mask.png\n")
    dataset = ImageList(list_file, NAMES, folder=folder, label_map={0: 1, 1: 0})
    np.testing.assert_array_equal(dataset[0][1], 1 - np.roll(LABEL, 2))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("images/c d.png gt/c d_mask.png", "separated by a tab.*in line 2"),
        ("2007_000032", "the path of an image and that of its label.*in line 2"),
        (
            "images/z.png gt/a_mask.png",
            r"lists files .*images/z.png \(line 2\)",
        ),
    ],
)
def test_lines_that_are_refused(folder, line, message):
    path = write(folder, "train.txt", "images/a.png gt/a_mask.png", line)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        ImageList(path, NAMES)


def test_empty_and_missing_lists(folder):
    with pytest.raises(ValueError, match="must list at least one image"):
        ImageList(write(folder, "train.txt", "# nothing"), NAMES)
    with pytest.raises(FileNotFoundError, match="There is no list"):
        ImageList(folder / "absent.txt", NAMES)


def test_a_folder_with_lists(folder):
    write(folder, "train.txt", "images/a.png gt/a_mask.png")
    write(folder, "val.txt", "images/b.png gt/b_mask.png")
    train, val = open_splits("folder", folder, label_map={0: 1, 1: 0})
    assert train.class_names == NAMES and len(train) == len(val) == 1
    np.testing.assert_array_equal(val[0][1], 1 - np.roll(LABEL, 1))
    with pytest.raises(FileNotFoundError, match="Or test.txt must list the files"):
        open_split("folder", "test", folder)
    with pytest.raises(ValueError, match="lists the files. Received: '{stem}_mask'"):
        open_split("folder", "train", folder, label_name="{stem}_mask")
    with pytest.raises(ValueError, match="of one class for each pixel"):
        open_split("folder", "train", folder, independent_classes=True)


def test_images_of_both_splits_are_warned_of(folder):
    write(folder, "train.txt", "images/a.png gt/a_mask.png")
    copy = folder / "images" / "copy.png"
    copy.write_bytes((folder / "images" / "a.png").read_bytes())
    write(
        folder, "val.txt", "images/b.png gt/b_mask.png", "images/copy.png gt/a_mask.png"
    )
    with pytest.warns(UserWarning, match=r"1 of the 2 .*copy\.png, which is .*a\.png"):
        train, val = open_splits("folder", folder)
    assert shared_images(train, val) == [(copy, folder / "images" / "a.png")]
    # Of equal size and end, but different at the beginning.
    (folder / "images" / "a.png").write_bytes(bytes(70000))
    copy.write_bytes(b"a" + bytes(69999))
    assert shared_images(train, val) == []


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((5,), "uint8", "3 channels. Received: .*a.npy with 5"),
        ((3,), "float32", "a.npy is unknown. .*floats of 32 bits"),
    ],
)
def test_images_that_cannot_be_read_are_found_first(folder, shape, dtype, message):
    np.save(folder / "images" / "a.npy", np.zeros((*LABEL.shape, *shape), dtype))
    list_file = write(folder, "train.txt", "images/a.npy gt/a_mask.png")
    with pytest.raises(ValueError, match=message):
        ImageList(list_file, NAMES)
