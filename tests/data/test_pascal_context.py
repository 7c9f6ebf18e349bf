import numpy as np
import pytest

from keras_seg.data import PascalContext
from tests.data.published import copies, write_image, write_label

NAMES = ("2008_000002", "2008_000003")
VALUES = np.arange(60)[None]  # all values of the files


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        write_image(tmp_path / "JPEGImages" / f"{name}.jpg", VALUES.shape)
        write_label(tmp_path / "SegmentationClassContext" / f"{name}.png", VALUES)
    write_list(tmp_path, NAMES)
    return tmp_path


def write_list(folder, names):
    path = folder / "ImageSets" / "SegmentationContext" / "val.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(names))


def test_59_classes_and_void(folder):
    dataset = PascalContext(folder, "val", complete=False)
    assert dataset.num_classes == len(set(dataset.class_names)) == 59
    np.testing.assert_array_equal(dataset[0][1], [[255, *range(59)]])


def test_60_classes_with_the_background(folder):
    plain = PascalContext(folder, "val", complete=False)
    dataset = PascalContext(folder, "val", background=True, complete=False)
    assert dataset.class_names == ("background", *plain.class_names)
    np.testing.assert_array_equal(dataset.palette[1:], plain.palette)
    np.testing.assert_array_equal(dataset[0][1], VALUES)


def test_names_are_in_the_order_of_the_original_labels(folder):
    """The converters number the 59 by their ids among the 459, which are by name."""
    names = PascalContext(folder, "val", complete=False).class_names
    assert list(names) == sorted(names)
    places = (("aeroplane", 0), ("car", 13), ("person", 36), ("wood", 58))
    for name, place in places:
        assert names[place] == name


def test_a_whole_split_and_one_file_less(folder):
    names = [f"2009_{index:06d}" for index in range(5105)]
    write_list(folder, names)
    copies(folder / "JPEGImages" / f"{NAMES[0]}.jpg", [f"{x}.jpg" for x in names])
    label = folder / "SegmentationClassContext" / f"{NAMES[0]}.png"
    copies(label, [f"{name}.png" for name in names])
    assert len(PascalContext(folder, "val")) == 5105
    (folder / "SegmentationClassContext" / "2009_000011.png").unlink()
    with pytest.raises(ValueError, match="no label for 2009_000011. Get VOCtrainval"):
        PascalContext(folder, "val")


def test_an_unknown_value(folder):
    path = folder / "SegmentationClassContext" / f"{NAMES[1]}.png"
    write_label(path, VALUES + 1)
    with pytest.raises(ValueError, match="000003.png holds the values 60, which"):
        PascalContext(folder, "val", complete=False)[1]


def test_wrong_folders_and_lists(folder):
    with pytest.raises(FileNotFoundError, match="They are in .*: pass that."):
        PascalContext(folder / "JPEGImages")
    with pytest.raises(FileNotFoundError, match="There is no list .*train.txt. Get"):
        PascalContext(folder)
    with pytest.raises(ValueError, match="Received: split='test'"):
        PascalContext(folder, "test")
