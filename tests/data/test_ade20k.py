import numpy as np
import pytest

from keras_seg.data import ADE20K
from tests.data.published import copies, write_image, write_label


@pytest.fixture
def folder(tmp_path):
    values = np.arange(151).reshape(1, 151)  # all values of the files
    for number in (1, 2):
        name = f"ADE_val_{number:08d}"
        write_image(tmp_path / "images/validation" / f"{name}.jpg", values.shape)
        write_label(tmp_path / "annotations/validation" / f"{name}.png", values)
    return tmp_path


def test_zero_is_void_and_the_others_are_classes(folder):
    dataset = ADE20K(folder, "val", complete=False)
    assert len(dataset) == 2
    np.testing.assert_array_equal(dataset[1][1], [[255, *range(150)]])
    assert dataset.submission_values.tolist() == list(range(1, 151))


def test_class_facts(folder):
    """Places in the official objectInfo150.txt and color150.mat."""
    dataset = ADE20K(folder, "val", complete=False)
    assert dataset.num_classes == len(set(dataset.class_names)) == 150
    for number, name, color in (
        (1, "wall", (120, 120, 120)),
        (13, "person", (150, 5, 61)),
        (21, "car", (0, 102, 200)),
        (45, "chest of drawers", (6, 51, 255)),
        (90, "television", (0, 255, 194)),
        (137, "traffic light", (41, 0, 255)),
        (150, "flag", (92, 0, 255)),
    ):
        assert dataset.class_names[number - 1] == name
        assert tuple(dataset.palette[number - 1]) == color
    # As there, two share one.
    same = [i for i, x in enumerate(dataset.palette.tolist()) if x == [140] * 3]
    assert [dataset.class_names[i] for i in same] == ["road", "skyscraper"]


def test_a_whole_split_and_one_image_less(folder):
    names = [f"ADE_val_{number:08d}" for number in range(1, 2001)]
    first = folder / "images/validation" / "ADE_val_00000001.jpg"
    copies(first, [f"{name}.jpg" for name in names])
    label = folder / "annotations/validation" / "ADE_val_00000001.png"
    copies(label, [f"{name}.png" for name in names])
    dataset = ADE20K(folder, "val")
    assert len(dataset) == 2000
    assert dataset.submission_name(1999) == "ADE_val_00002000.png"
    (folder / "images/validation/ADE_val_00000700.jpg").unlink()
    with pytest.raises(ValueError) as caught:
        ADE20K(folder, "val")
    assert (
        "The val split of ADE20K is not complete: 2000 images expected, 1999 found; "
        "no image for ADE_val_00000700. Get ADEChallengeData2016.zip"
    ) in str(caught.value)


def test_the_test_split_has_void_labels(tmp_path):
    write_image(tmp_path / "images/testing/ADE_test_00000007.jpg")
    dataset = ADE20K(tmp_path, "test", complete=False)
    assert (dataset[0][1] == 255).all()
    with pytest.raises(ValueError, match="3352 images expected, 1 found"):
        ADE20K(tmp_path, "test")


def test_an_unknown_value(folder):
    path = folder / "annotations/validation/ADE_val_00000002.png"
    write_label(path, np.full((1, 151), 151))
    with pytest.raises(ValueError, match="00002.png holds the values 151, which"):
        ADE20K(folder, "val", complete=False)[1]


def test_wrong_folders(folder):
    with pytest.raises(FileNotFoundError) as caught:
        ADE20K(folder)
    message = str(caught.value)
    assert "Missing in" in message and "images/training, annotations/train" in message
    with pytest.raises(FileNotFoundError, match="They are in .*: pass that."):
        ADE20K(folder / "images", "val")
    with pytest.raises(ValueError, match="Received: split='validation'"):
        ADE20K(folder, "validation")
