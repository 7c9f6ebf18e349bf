import numpy as np
import pytest
from PIL import Image

from keras_seg.data import StreetScenes, open_splits
from tests.data.published import write_image, write_label


def test_scenes_need_no_folder():
    train, val = open_splits("scenes", scenes=16, image_size=(64, 80), seed=3)
    assert isinstance(train, StreetScenes) and (len(train), len(val)) == (16, 2)
    assert train[0][1].shape == (64, 80)
    assert (train[0][0] != val[0][0]).any()
    train, val = open_splits("scenes", scenes=3)
    assert (len(train), len(val)) == (3, 1)


def test_a_folder_of_ones_own(tmp_path):
    (tmp_path / "classes.txt").write_text("road\n\ncar\n")
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / split / kind).mkdir(parents=True)
        image = Image.fromarray(np.zeros((4, 6, 3), "uint8"))
        image.save(tmp_path / split / "images" / "a.jpg")
        label = Image.fromarray(
            np.array([[0, 1, 255]], "uint8").repeat(4, 0).repeat(2, 1)
        )
        label.save(tmp_path / split / "labels" / "a.png")
    train, val = open_splits("folder", tmp_path)
    assert train.class_names == ("road", "car") and len(val) == 1
    np.testing.assert_array_equal(np.unique(train[0][1]), [0, 1, 255])


def test_both_splits_of_a_published_data_set(tmp_path, monkeypatch):
    values = np.array([[*range(19), 255]])
    for split in ("train", "val"):
        write_image(tmp_path / "images/10k" / split / "a.jpg", values.shape)
        write_label(tmp_path / "labels/sem_seg/masks" / split / "a.png", values)
    monkeypatch.setattr("keras_seg.data.bdd100k._SPLITS", {"train": 1, "val": 1})
    train, val = open_splits("bdd100k", tmp_path)
    assert train.image_paths[0].parent.name == "train"
    assert val.image_paths[0].parent.name == "val"


def test_errors():
    with pytest.raises(ValueError, match="Received: name='cityscape'"):
        open_splits("cityscape", "somewhere")
    with pytest.raises(ValueError, match="`folder` must be given for 'camvid'"):
        open_splits("camvid")
    with pytest.raises(FileNotFoundError, match="Missing"):
        open_splits("camvid", "nowhere")
