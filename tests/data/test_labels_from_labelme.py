import base64
import io
import json
import math

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import labels_from_labelme, read_label

HEIGHT, WIDTH = 20, 30


def shape(label, kind, points, **others):
    return {"label": label, "shape_type": kind, "points": points, **others}


def write(path, *shapes):
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"shapes": shapes, "imageHeight": HEIGHT, "imageWidth": WIDTH}
    path.write_text(json.dumps(content))


def png(mask):
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_shapes(tmp_path):
    mask = np.array([[True, False], [True, True]])
    write(
        tmp_path / "in" / "town" / "a.json",
        shape("road", "polygon", [[2, 3], [21, 3], [21, 11], [2, 11]]),
        shape("car", "rectangle", [[9.0, 8.0], [5.0, 4.0]]),
        shape("__ignore__", "mask", [[24, 15], [25, 16]], mask=png(mask)),
        shape("car", "circle", [[26, 6], [26, 8]]),
    )
    names = labels_from_labelme(tmp_path / "in", tmp_path / "out")
    assert names == ("_background_", "car", "road")
    label = read_label(tmp_path / "out" / "town" / "a.png")
    expected = np.zeros((HEIGHT, WIDTH))
    expected[3:12, 2:22] = 2
    expected[4:9, 5:10] = 1
    expected[15:17, 24:26][mask] = 255
    expected[:, 23:] = np.where(expected[:, 23:] == 255, 255, label[:, 23:])
    np.testing.assert_array_equal(label, expected)
    rows, columns = np.indices(label.shape)
    distance = np.hypot(rows - 6, columns - 26)
    assert (label[distance < 1.9] == 1).all()
    assert (label[(distance > 2.6) & (columns > 22) & (rows < 14)] == 0).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_images_are_not_overwritten(mode, tmp_path):
    write(tmp_path / "a.json", shape("car", "polygon", [[0, 0], [9, 0], [9, 9]]))
    content = json.loads((tmp_path / "a.json").read_text()) | {"imagePath": "a.png"}
    (tmp_path / "a.json").write_text(json.dumps(content))
    Image.new(mode, (4, 4)).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(ValueError, match="a.png would overwrite an image"):
        labels_from_labelme(tmp_path, tmp_path)
    assert (tmp_path / "a.png").read_bytes() == before
    for _ in range(2):  # labels may be replaced
        labels_from_labelme(tmp_path, tmp_path / "labels")


def test_classes_of_ones_own(tmp_path):
    write(tmp_path / "a.json", shape("car", "polygon", [[0, 0], [9, 0], [9, 9]]))
    names = ("road", "car")
    labels_from_labelme(tmp_path, tmp_path / "out", names, background=None)
    label = read_label(tmp_path / "out" / "a.png")
    assert label[1, 5] == 1 and label[15, 5] == 255
    with pytest.raises(ValueError, match="must hold the labels of .*Missing: car"):
        labels_from_labelme(tmp_path, tmp_path, ("road", "sky"), background="sky")


def test_rejects(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        labels_from_labelme(tmp_path / "none", tmp_path)
    with pytest.raises(ValueError, match="end in .json"):
        labels_from_labelme(tmp_path, tmp_path)
    write(tmp_path / "a.json", shape("car", "line", [[0, 0], [9, 0]]))
    with pytest.raises(ValueError, match="a line of 2 points, 'car' in .*a.json"):
        labels_from_labelme(tmp_path, tmp_path)
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(ValueError, match="a.json must be a labelme file"):
        labels_from_labelme(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (shape("car", "line", [[0, 0], [9, 0]]), "a line of 2 points, 'car' in .*b.j"),
        (shape("car", "mask", [[0, 0], [9, 9]]), "a mask of 2 points, 'car' in .*b.j"),
        (
            shape("boat", "circle", [[0, 0], [9, 0]]),
            "labels of .*b.json. Missing: boat",
        ),
        ({"points": [[0, 0]]}, "b.json must be a labelme file.*KeyError: 'label'"),
        (shape("car", "circle", [[0, 0], [9, None]]), "b.json must be a labelme file"),
        (shape("car", "circle", [[0, 0], [9, math.nan]]), "b.json.*'car' are not fin"),
    ],
)
def test_bad_shapes_are_found_first(tmp_path, bad, message):
    write(tmp_path / "a.json", shape("car", "rectangle", [[0, 0], [9, 9]]))
    write(tmp_path / "b.json", bad)
    with pytest.raises(ValueError, match=message):
        labels_from_labelme(tmp_path, tmp_path / "out", ("_background_", "car"))
    assert not (tmp_path / "out").exists()


def test_command(tmp_path, capsys):
    from keras_seg.command import main

    write(tmp_path / "a.json", shape("car", "rectangle", [[0, 0], [9, 9]]))
    options = ["--output", str(tmp_path / "out"), "--classes"]
    main(["labels", str(tmp_path), *options, str(tmp_path / "classes.txt")])
    assert (tmp_path / "classes.txt").read_text() == "_background_\ncar\n"
    assert "out: labels of 2 classes, named in" in capsys.readouterr().out


def test_paths_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write(tmp_path / "in" / "a.json", shape("car", "rectangle", [[0, 0], [9, 9]]))
    labels_from_labelme("~/in", "~/out")
    assert (tmp_path / "out" / "a.png").is_file()
    assert not [*(tmp_path / "elsewhere").iterdir()]


def test_class_names_that_a_text_file_changes(tmp_path, capsys):
    from keras_seg.command import main

    write(tmp_path / "a.json", shape("#10 screw", "rectangle", [[0, 0], [9, 9]]))
    options = ["--output", str(tmp_path / "out"), "--classes"]
    with pytest.raises(SystemExit):
        main(["labels", str(tmp_path), *options, str(tmp_path / "classes.txt")])
    assert "Received: '#10 screw'. Rename" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("background", ["0", None])
def test_ignored_pixels_differ_from_all_classes(tmp_path, background):
    car = shape("car", "rectangle", [[0, 0], [9, 9]])
    write(tmp_path / "a.json", car)
    names, folder = ("car", *map(str, range(255))), tmp_path / "out"
    labels_from_labelme(tmp_path, folder, names, "0")  # ignores no pixel
    if background:
        write(tmp_path / "a.json", car, car | {"label": "__ignore__"})
    with pytest.raises(ValueError, match="ignore_class=255 and 256 classes"):
        labels_from_labelme(tmp_path, folder, names, background)
    labels_from_labelme(tmp_path, folder, names, background, ignore_class=256)
    assert (read_label(folder / "a.png") == 256).any()
