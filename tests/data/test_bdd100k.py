import numpy as np
import pytest

from keras_seg.data import BDD100K, Cityscapes
from tests.data.published import copies, write_image, write_label

NAMES = ("7d06fefd-f7be05a6", "7d128593-0ccfea4c")
VALUES = np.array([[*range(19), 255]])


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        write_image(tmp_path / "images/10k/val" / f"{name}.jpg", VALUES.shape)
        write_label(tmp_path / "labels/sem_seg/masks/val" / f"{name}.png", VALUES)
    return tmp_path


def test_labels_are_train_ids(folder):
    dataset = BDD100K(folder, "val", complete=False)
    assert len(dataset) == 2 and dataset.num_classes == 19
    np.testing.assert_array_equal(dataset[1][1], VALUES)
    assert dataset.submission_name(0) == f"{NAMES[0]}.png"


def test_classes_are_those_of_cityscapes(folder, tmp_path):
    path = tmp_path / "leftImg8bit/test/bonn/bonn_000000_000019_leftImg8bit.png"
    write_image(path)
    other = Cityscapes(tmp_path, "test", complete=False)
    dataset = BDD100K(folder, "val", complete=False)
    assert dataset.class_names == other.class_names
    np.testing.assert_array_equal(dataset.palette, other.palette)


def test_a_whole_split_and_one_file_less(folder):
    names = [f"{index:08x}-00000000" for index in range(998)]
    copies(
        folder / "images/10k/val" / f"{NAMES[0]}.jpg", [f"{name}.jpg" for name in names]
    )
    label = folder / "labels/sem_seg/masks/val" / f"{NAMES[0]}.png"
    copies(label, [f"{name}.png" for name in names])
    assert len(BDD100K(folder, "val")) == 1000
    (folder / "images/10k/val" / f"{names[3]}.jpg").unlink()
    with pytest.raises(ValueError) as caught:
        BDD100K(folder, "val")
    assert (
        "The val split of BDD100K is not complete: 1000 images expected, 999 found; "
        f"no image for {names[3]}. Get bdd100k_images_10k.zip"
    ) in str(caught.value)


def test_the_test_split_has_void_labels(folder):
    write_image(folder / "images/10k/test" / "a.jpg")
    assert (BDD100K(folder, "test", complete=False)[0][1] == 255).all()


def test_an_unknown_value(folder):
    path = folder / "labels/sem_seg/masks/val" / f"{NAMES[0]}.png"
    write_label(path, VALUES + 1)
    with pytest.raises(ValueError, match=f"{NAMES[0]}.png holds the values 19, which"):
        BDD100K(folder, "val", complete=False)[0]


def test_wrong_folders(folder):
    with pytest.raises(FileNotFoundError, match="labels/sem_seg/masks/train. Get bdd"):
        BDD100K(folder)
    with pytest.raises(FileNotFoundError, match="They are in .*: pass that."):
        BDD100K(folder / "images", "val")
    with pytest.raises(ValueError, match="Received: split='dev'"):
        BDD100K(folder, "dev")
