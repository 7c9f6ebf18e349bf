import json

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


def test_of_a_file_with_colors(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("road  #804080\n\nsign #1 \t #00FF0a\r\n", encoding="utf-8")
    names, palette = class_table(path)
    assert names == ("road", "sign #1")
    assert palette.dtype == "uint8"
    assert palette.tolist() == [[128, 64, 128], [0, 255, 10]]


def test_of_a_file_without_colors(tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text("tree top\nhouse\n")
    names, palette = class_table(str(path))
    assert names == ("tree top", "house")
    np.testing.assert_array_equal(palette, default_palette(2))


STREET = (("road", "sky"), [[128, 64, 128], [70, 130, 180]])


@pytest.mark.parametrize(
    "text",
    [
        "road #804080\nsky #4682b4\n",
        "#804080 road\n#4682b4 sky",
        "road #804080ff\nsky #4682B400",
        "road 128 64 128\nsky 70 130 180",
        "road,128,64,128\nsky,70,130,180\n",
        "road;128;64;128\r\nsky; 70; 130; 180\r\n",
        "128 64 128\t\troad\n70 130 180\t\tsky",
        "name,r,g,b\nroad,128,64,128\nsky,70,130,180",
        "name, r, g, b\nroad, 128, 64, 128\nsky, 70, 130, 180",
        "Label R G B\nroad 128 64 128\nsky 70 130 180",
        "# label:color_rgb:parts:actions\nroad:128,64,128::\nsky:70,130,180:a,b:\n",
        "id,name,r,g,b\n0,road,128,64,128\n1,sky,70,130,180",
        "0 road 128 64 128\n1 sky 70 130 180",
        "0 128 64 128 road\n1 70 130 180 sky",
        "id,r,g,b,name\n0,128,64,128,road\n1,70,130,180,sky",
        '"road",128,64,128\n"sky",70,130,180',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_forms_of_other_tools(text, encoding, tmp_path):
    path = tmp_path / "classes.txt"
    path.write_bytes(text.encode(encoding))
    names, palette = class_table(path)
    assert (names, palette.tolist()) == STREET


def test_supervisely(tmp_path):
    path = tmp_path / "meta.json"
    classes = [
        {"title": "road", "shape": "bitmap", "color": "#804080", "id": 7},
        {"title": "sky", "shape": "polygon", "color": "#4682B4", "id": 3},
    ]
    path.write_text(json.dumps({"classes": classes, "tags": []}))
    names, palette = class_table(path)
    assert (names, palette.tolist()) == STREET
    path.write_text('{"categories": []}')
    with pytest.raises(ValueError, match="must be Supervisely's meta.json.*'classes'"):
        class_table(path)


@pytest.mark.parametrize("ignored", ["", "__ignore__\n"])
def test_labelme(ignored, tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text(f"{ignored}_background_\nroad\nsky\n")
    names, palette = class_table(path)
    assert names == ("_background_", "road", "sky")
    assert palette.tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0]]


@pytest.mark.parametrize(
    "text",
    [
        "traffic light\nlane 2\nwall;building",
        "0 traffic light\n1: lane 2\n2,wall;building",
    ]
    + ["# my classes\ntraffic light\nlane 2\nwall;building"],
)
def test_names_alone(text, tmp_path):
    path = tmp_path / "classes.txt"
    path.write_text(text, encoding="utf-8-sig")
    names, palette = class_table(path)
    assert names == ("traffic light", "lane 2", "wall;building")
    np.testing.assert_array_equal(palette, default_palette(3))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one class"),
        ("# nothing", "at least one class"),
        ("name\nroad\ncar", "line 1: 'name' seems to be a heading"),
        ("road #804080\ncar", "none in line 2"),
        ("road\ncar\n\nroad", "twice: road, in lines 1 and 4"),
        ("road 1 2 3\nroad 1 2 4", "twice: road, in lines 1 and 2"),
        ("car 1 2 3\nroad 128 64 256", r"line 2: a color.*\[128, 64, 256\]"),
        ("car\nroad 128 64", "line 2: a class must be a name.*'road 128 64'"),
        ("road 128 64 128 255\ncar 1 2 3 255", "line 1: a class must be a name"),
        ("road 0.5 0.2 0.5", "line 1: a class must be a name"),
        ("128 64 128\n1 2 3", "lines? .*1: "),
        ("1 road\n2 car", r"count the classes from 0. Received: \[1, 2\]"),
        ("road, car, sky", "one class per line.*'road, car, sky'"),
        ("road #f00\ncar #0f0", "line 1: a class must be a name"),
        ("road rgb(1, 2, 3)", "line 1: a class must be a name"),
        ("road (1, 2, 3)", "line 1: a class must be a name"),
        ("name,id\ncar,1\nroad,0", "line 2: a class must be a name.*'car,1'"),
        ('"road","128","64","128"', "line 1: a class must be a name"),
        ("7 128 64 128 road\n9 1 2 3 car", r"count the classes from 0. .*\[7, 9\]"),
        ('["road","car"]', "line 1: a class must be a name"),
        ("- road\n- car", "line 1: a class must be a name"),
        ("item {\n  name: 'road'\n}", "line 1: a class must be a name"),
    ],
)
def test_rejects_doubtful_files(text, words, tmp_path):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(ValueError, match=f"classes.txt.*{words}"):
        class_table(tmp_path / "classes.txt")


def test_rejects_other_files(tmp_path):
    (tmp_path / "data.yaml").write_text("names: [road]")
    with pytest.raises(ValueError, match="text file, a table.*data.yaml"):
        class_table(tmp_path / "data.yaml")
    (tmp_path / "classes.txt").write_bytes("Gebäude".encode("latin-1"))
    with pytest.raises(ValueError, match="classes.txt must be a text file in UTF-8"):
        class_table(tmp_path / "classes.txt")


def test_names_what_there_is():
    with pytest.raises(FileNotFoundError, match="camvid.*Received: 'kamvid'"):
        class_table("kamvid")
