import numpy as np
import pytest
from PIL import Image

from keras_seg.data import CamVid
from tests.paths import shared


def test_real_data():
    folder = shared("camvid")
    train, val = CamVid(folder), CamVid(folder, "val")
    assert (len(train), len(val)) == (367, 101)
    assert train.num_classes == len(train.palette) == 11
    assert train.class_names[3] == "road" and train.class_names[8] == "car"
    image, label = val[50]
    assert image.shape == (360, 480, 3) and image.dtype == np.uint8
    assert label.shape == (360, 480)
    assert set(np.unique(label)) <= {*range(11), 255}


def test_real_pictures_show_their_classes():
    """Sky lies above road, in the pixels' labels and by their names."""
    dataset = CamVid(shared("camvid"), "val")
    sky, road = (dataset.class_names.index(name) for name in ("sky", "road"))
    _, label = dataset[0]
    rows = np.arange(360)[:, None] * np.ones((1, 480))
    assert rows[label == sky].mean() < 120 < 240 < rows[label == road].mean()


@pytest.fixture
def folder(tmp_path):
    for name in ("test", "testannot"):
        (tmp_path / name).mkdir()
    label = np.arange(12, dtype="uint8").reshape(3, 4)
    Image.fromarray(label).save(tmp_path / "testannot" / "a.png")
    Image.fromarray(label).convert("RGB").save(tmp_path / "test" / "a.png")
    return tmp_path


def test_unlabeled_is_ignored(folder):
    _, label = CamVid(folder, "test")[0]
    np.testing.assert_array_equal(label.ravel(), [*range(11), 255])


def test_unknown_split(folder):
    with pytest.raises(ValueError, match="'train', 'val', 'test'.*split='dev'"):
        CamVid(folder, "dev")


def test_missing_folders(folder):
    (folder / "train").mkdir()
    with pytest.raises(FileNotFoundError, match="'train'.*'trainannot'.*Missing: .*t$"):
        CamVid(folder)
    with pytest.raises(FileNotFoundError, match="Missing: .*val, .*valannot"):
        CamVid(folder, "val")
