import numpy as np
import pytest

from keras_seg.data import CamVid, StreetScenes, class_table, default_palette
from tests.paths import shared


def test_of_data_sets():
    scenes = StreetScenes(1)
    names, palette = class_table("scenes")
    assert names == scenes.class_names
    np.testing.assert_array_equal(palette, scenes.palette)
    camvid = CamVid(shared("camvid"), "val")
    names, palette = class_table("camvid")
    assert names == camvid.class_names
    np.testing.assert_array_equal(palette, camvid.palette)


@pytest.mark.parametrize(
    ("name", "count", "last"),
    [
        ("ade20k", 150, ("flag", (92, 0, 255))),
        ("bdd100k", 19, ("bicycle", (119, 11, 32))),
        ("cityscapes", 19, ("bicycle", (119, 11, 32))),
        ("pascal_context", 59, ("wood", None)),
        ("voc", 21, ("tvmonitor", (0, 64, 128))),
    ],
)
def test_of_published_data_sets(name, count, last):
    names, palette = class_table(name)
    assert len(names) == len(palette) == count
    assert names[-1] == last[0]
    if last[1]:
        assert tuple(palette[-1].tolist()) == last[1]


def test_of_a_file_with_colours(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("road  #804080\n\nsign #1 \t #00FF0a\r\n", encoding="utf-8")
    names, palette = class_table(path)
    assert names == ("road", "sign #1")
    assert palette.dtype == "uint8"
    assert palette.tolist() == [[128, 64, 128], [0, 255, 10]]


def test_of_a_file_without_colours(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("tree top\nhouse\n")
    names, palette = class_table(str(path))
    assert names == ("tree top", "house")
    np.testing.assert_array_equal(palette, default_palette(2))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "0 classes"),
        ("road #804080\ncar", "2 classes and 1 colours"),
        ("road\ncar\nroad", "twice: road"),
    ],
)
def test_rejects_bad_files(text, words, tmp_path):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(ValueError, match=words):
        class_table(tmp_path / "classes.txt")


def test_names_what_there_is():
    with pytest.raises(FileNotFoundError, match="camvid.*Received: 'kamvid'"):
        class_table("kamvid")
