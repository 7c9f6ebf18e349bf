import pytest

from keras_seg import data
from keras_seg.data import open_split
from keras_seg.data.open_split import DATA_SETS
from tests.data.published import write_image

PUBLISHED = {
    "cityscapes": data.Cityscapes,
    "ade20k": data.ADE20K,
    "voc": data.PascalVOC,
    "voc_aug": data.PascalVOC,
    "pascal_context": data.PascalContext,
    "bdd100k": data.BDD100K,
}


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_data_sets_by_name(name, split, tmp_path):
    """The error names the files of the data set that was looked for."""
    own_name = "trainaug" if (name, split) == ("voc_aug", "train") else split
    with pytest.raises(FileNotFoundError) as expected:
        PUBLISHED[name](tmp_path, own_name)
    with pytest.raises(FileNotFoundError) as caught:
        open_split(name, split, tmp_path)
    assert str(caught.value) == str(expected.value)


def test_all_names_are_offered():
    assert {*DATA_SETS} == {"scenes", "camvid", "folder", "packed", *PUBLISHED}


def test_no_other_split_has_to_be_there(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_seg.data.bdd100k._SPLITS", {"test": 1})
    write_image(tmp_path / "images/10k/test/a.jpg")
    dataset = open_split("bdd100k", "test", tmp_path)
    assert isinstance(dataset, data.BDD100K) and len(dataset) == 1


def test_errors():
    with pytest.raises(ValueError, match="one of scenes, camvid.*name='cityscape'"):
        open_split("cityscape", "val", "somewhere")
    with pytest.raises(ValueError, match="`folder` must be given for 'voc'"):
        open_split("voc", "val")
    with pytest.raises(ValueError, match='"train" or "val". Received: split=\'test\''):
        open_split("scenes", "test")
