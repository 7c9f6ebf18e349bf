import json
import math

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import class_table, labels_from_coco, read_label

pytest.importorskip("pycocotools")

HEIGHT, WIDTH = 20, 30


def box(x, y, width, height):
    """A polygon around whole pixels."""
    return [[x, y, x + width, y, x + width, y + height, x, y + height]]


def run_lengths(mask):
    """Uncompressed run lengths, down the columns, which begin with zeros."""
    flat = np.concatenate([[0], mask.T.ravel().astype(int)])
    ends = np.flatnonzero(np.diff(flat))
    return np.diff([0, *ends, mask.size]).tolist()


@pytest.fixture
def content():
    crowd = np.zeros((HEIGHT, WIDTH), bool)
    crowd[15:, :4] = True
    return {
        "images": [
            {"id": 7, "file_name": "a.jpg", "height": HEIGHT, "width": WIDTH},
            {"id": 9, "file_name": "town/b.jpg", "height": 5, "width": 6},
        ],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 44,
                "segmentation": box(4, 5, 4, 4),
            },
            {
                "id": 2,
                "image_id": 7,
                "category_id": 3,
                "segmentation": box(2, 3, 20, 9),
            },
            {
                "id": 3,
                "image_id": 7,
                "category_id": 44,
                "iscrowd": 1,
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": run_lengths(crowd)},
            },
        ],
        "categories": [{"id": 44, "name": "boat"}, {"id": 3, "name": "car"}],
    }


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "instances.json"
        path.write_text(json.dumps(content))
        return path

    return write


def expected(background, car, boat):
    label = np.full((HEIGHT, WIDTH), background)
    label[3:12, 2:22] = car  # the larger one, though it comes later
    label[5:9, 4:8] = boat
    label[15:, :4] = boat
    return label


def test_polygons_and_run_lengths(content, write, tmp_path):
    names = labels_from_coco(write(content), tmp_path / "labels")
    assert names == ("background", "car", "boat")  # by their ids
    label = read_label(tmp_path / "labels" / "a.png")
    np.testing.assert_array_equal(label, expected(0, 1, 2))
    np.testing.assert_array_equal(
        read_label(tmp_path / "labels" / "town" / "b.png"), np.zeros((5, 6))
    )


def test_classes_of_ones_own(content, write, tmp_path):
    names = ("boat", "plane", "car")
    found = labels_from_coco(write(content), tmp_path, names, background=None)
    assert found == names
    np.testing.assert_array_equal(read_label(tmp_path / "a.png"), expected(255, 2, 0))


def test_a_category_may_be_the_background(content, write, tmp_path):
    content["categories"].append({"id": 5, "name": "background"})
    names = labels_from_coco(write(content), tmp_path / "labels")
    assert names == ("background", "car", "boat")
    label = read_label(tmp_path / "labels" / "a.png")
    np.testing.assert_array_equal(label, expected(0, 1, 2))


@pytest.mark.parametrize("width", [None, "24"])
def test_images_need_a_size(content, write, tmp_path, width):
    content["images"][0]["height"] = float(HEIGHT)
    labels_from_coco(write(content), tmp_path / "labels")
    content["images"][0]["width"] = width
    with pytest.raises(ValueError, match=f"a width in pixels.* {width}, of a.jpg"):
        labels_from_coco(write(content), tmp_path / "labels")


def test_rejects(content, write, tmp_path):
    path = write(content)
    with pytest.raises(ValueError, match="must hold the categories.*Missing: car"):
        labels_from_coco(path, tmp_path, ("background", "boat"))
    with pytest.raises(ValueError, match="must hold the `background`, 'background'"):
        labels_from_coco(path, tmp_path, ("car", "boat"))
    with pytest.raises(ValueError, match="lacks: annotations, categories"):
        labels_from_coco(write({"images": []}), tmp_path)
    with pytest.raises(ValueError, match="lacks: annotations, categories, images"):
        labels_from_coco(write(content["annotations"]), tmp_path)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(ValueError, match="a.png would overwrite an image"):
        labels_from_coco(write(content), tmp_path)
    assert (tmp_path / "a.png").read_bytes() == before
    content["images"][1]["file_name"] = "a.png"
    with pytest.raises(ValueError, match="the same label.*a.png and a.jpg"):
        labels_from_coco(write(content), tmp_path)
    content["images"][1]["file_name"] = "../a.png"
    with pytest.raises(ValueError, match="paths below the images' folder"):
        labels_from_coco(write(content), tmp_path)


@pytest.mark.parametrize("flags", [[], ["--no-background"], ["--background", "sea"]])
def test_command(content, write, tmp_path, capsys, flags):
    from keras_seg.command import main

    classes = tmp_path / "classes.txt"
    options = ["--output", str(tmp_path / "labels"), "--classes", str(classes), *flags]
    main(["labels", str(write(content)), *options])
    first = {0: ["background"], 1: [], 2: ["sea"]}[len(flags)]
    assert list(class_table(classes)[0]) == [*first, "car", "boat"]
    assert f"labels: labels of {2 + len(first)} classes" in capsys.readouterr().out
    # The classes' order holds for what comes later.
    classes.write_text("".join(f"{name}\n" for name in ["boat", "car", *first]))
    main(["labels", str(write(content)), *options])
    background = 2 if first else 255
    label = read_label(tmp_path / "labels" / "a.png")
    np.testing.assert_array_equal(label, expected(background, 1, 0))


@pytest.mark.parametrize("mode", ["I;16", "P"])
def test_pictures_of_others_are_not_replaced(content, write, tmp_path, mode):
    Image.new(mode, (WIDTH, HEIGHT)).save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(ValueError, match="a.png would overwrite an image or a label"):
        labels_from_coco(write(content), tmp_path)
    assert (tmp_path / "a.png").read_bytes() == before


@pytest.mark.parametrize("ignored", [255, 300])  # 8 and 16 bits
def test_a_second_run_replaces_the_labels(content, write, tmp_path, ignored):
    options = {"background": None, "ignore_class": ignored}
    labels_from_coco(write(content), tmp_path / "labels", **options)
    names = ("boat", "car")
    labels_from_coco(write(content), tmp_path / "labels", names, **options)
    label = read_label(tmp_path / "labels" / "a.png")
    np.testing.assert_array_equal(label, expected(ignored, 1, 0))


@pytest.mark.parametrize("others", [[], box(4, 5, 4, 4)])
def test_polygons_of_two_points_cover_no_pixels(content, write, tmp_path, others):
    content["annotations"][0]["segmentation"] = [[10, 4, 13, 7], *others]
    labels_from_coco(write(content), tmp_path / "labels")
    found = expected(0, 1, 2)
    if not others:
        found[5:9, 4:8] = 1  # no boat on the car
    label = read_label(tmp_path / "labels" / "a.png")
    np.testing.assert_array_equal(label, found)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        (
            [[1, 2, 3, 4, 5, 6, 7]],
            r"5, \.\.\. \(7 in all\), in the annotation with id 4",
        ),
        ([1, 2, 3, 4, 5, 6], "Received: 1, in the annotation with id 4"),
        ([], "an annotation without one, id 4"),
        ({"size": [6, 5], "counts": [30]}, r"size of its image, \(5, 6\).*\[6, 5\]"),
        ({"size": [5, 6]}, "and counts"),
        (3, "Received: 3, in the annotation with id 4"),
        ([[[1, 1], [4, 1], [4, 4], [1, 4]]], r"Received: \[1, 1\], .* with id 4"),
        ([[1, 1, None, 1, 4, 4]], "Received: 1, 1, None, .* with id 4"),
        ([[1, 1, math.nan, 1, 4, 4]], "Received: 1, 1, nan, .* with id 4"),
    ],
)
def test_bad_segmentations_are_found_first(
    content, write, tmp_path, segmentation, message
):
    last = {"id": 4, "image_id": 9, "category_id": 3, "segmentation": segmentation}
    content["annotations"].append(last)
    with pytest.raises(ValueError, match=message):
        labels_from_coco(write(content), tmp_path / "labels")
    assert not (tmp_path / "labels").exists()


@pytest.mark.parametrize("key", ["annotations", "images"])
def test_image_ids_may_be_text(content, write, tmp_path, key):
    for entry in content[key]:
        name = "id" if key == "images" else "image_id"
        entry[name] = str(entry[name])
    labels_from_coco(write(content), tmp_path)
    label = read_label(tmp_path / "a.png")
    np.testing.assert_array_equal(label, expected(background=0, car=1, boat=2))


@pytest.mark.parametrize("category", [5, None])
def test_unknown_categories_are_found_first(content, write, tmp_path, category):
    content["annotations"][-1]["category_id"] = category
    with pytest.raises(ValueError, match=f"category_id .* {category}, .* id 3"):
        labels_from_coco(write(content), tmp_path / "labels")
    assert not (tmp_path / "labels").exists()


def test_annotations_of_other_images_are_left_out(content, write, tmp_path):
    del content["images"][0]
    labels_from_coco(write(content), tmp_path / "labels")
    assert not (tmp_path / "labels" / "a.png").exists()
    assert not read_label(tmp_path / "labels" / "town" / "b.png").any()


def test_file_names_of_windows(content, write, tmp_path):
    content["images"][0]["file_name"] = "sub\\a.jpg"
    labels_from_coco(write(content), tmp_path / "labels")
    assert (tmp_path / "labels" / "sub" / "a.png").is_file()
    for name in ("..\\a.jpg", "C:\\a.jpg"):
        content["images"][0]["file_name"] = name
        with pytest.raises(ValueError, match="paths below the images' folder"):
            labels_from_coco(write(content), tmp_path / "labels")


def test_paths_in_the_home_folder(content, write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write(content)
    labels_from_coco("~/instances.json", "~/labels")
    assert (tmp_path / "labels" / "a.png").is_file()
    assert not [*(tmp_path / "elsewhere").iterdir()]


@pytest.mark.parametrize(
    ("boat", "flags"),
    [("#10 screw", []), ("lane 1 2 3", ["--no-background"]), ("nut ", [])],
)
def test_class_names_that_a_text_file_changes(
    content, write, tmp_path, capsys, boat, flags
):
    from keras_seg.command import main

    content["categories"][0]["name"] = boat
    folder, classes = tmp_path / "labels", tmp_path / "classes.txt"
    options = ["--output", str(folder), "--classes", str(classes), *flags]
    with pytest.raises(SystemExit):
        main(["labels", str(write(content)), *options])
    assert f"classes.txt. Received: {boat!r}. Rename" in capsys.readouterr().err
    assert not folder.exists() and not classes.exists()


def test_ignored_pixels_differ_from_all_classes(content, write, tmp_path):
    names = ("boat", "car", *map(str, range(254)))
    path, folder = write(content), tmp_path / "labels"
    with pytest.raises(ValueError, match="ignore_class=255 and 256 classes"):
        labels_from_coco(path, folder, names, background=None)
    assert not folder.exists()
    labels_from_coco(path, folder, names, background=None, ignore_class=256)
    np.testing.assert_array_equal(read_label(folder / "a.png"), expected(256, 1, 0))
    labels_from_coco(path, folder, names, background="0")  # ignores no pixel
