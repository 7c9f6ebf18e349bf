import numpy as np
import pytest
from PIL import Image

from keras_seg.command import flags
from keras_seg.data import default_palette, open_split

PIXELS = np.arange(4 * 6 * 3, dtype="uint8").reshape(4, 6, 3)
COLORS = np.uint8([[128, 64, 128], [70, 130, 180]])
LABEL = np.array([[0, 1, 0, 0, 1, 1]] * 4, "uint8")


def save(array, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train/images", "train/labels"),
        ("images/train", "labels/train"),
        ("images/train", "masks/train"),
        ("train/img", "train/annotations"),
    ],
)
def test_folders_of_other_names(tmp_path, images, labels):
    save(PIXELS, tmp_path / images / "a.png")
    save(COLORS[LABEL], tmp_path / labels / "a.png")
    text = "# label:color_rgb:parts:actions\nroad:128,64,128::\nsky:70,130,180::\n"
    (tmp_path / "labelmap.txt").write_text(text)
    dataset = open_split("folder", "train", tmp_path)
    assert dataset.class_names == ("road", "sky")
    np.testing.assert_array_equal(dataset[0][0], PIXELS)
    np.testing.assert_array_equal(dataset[0][1], LABEL)


def test_classes_without_colors_cannot_decode_any(tmp_path):
    save(PIXELS, tmp_path / "train/images/a.png")
    save(COLORS[LABEL], tmp_path / "train/labels/a.png")
    (tmp_path / "classes.txt").write_text("road\nsky")
    with pytest.raises(ValueError, match="holds colors whose classes are unknown"):
        open_split("folder", "train", tmp_path)
    save(LABEL, tmp_path / "train/labels/a.png")
    dataset = open_split("folder", "train", tmp_path)
    np.testing.assert_array_equal(dataset.palette, default_palette(2))


def test_what_is_missing_is_told_with_what_is_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        open_split("folder", "train", tmp_path / "none")
    (tmp_path / "training" / "pictures").mkdir(parents=True)
    (tmp_path / "names.txt").write_text("road")
    with pytest.raises(
        FileNotFoundError,
        match="called classes.txt, .* or meta.json.*names.txt, training/, training/pi",
    ):
        open_split("folder", "train", tmp_path)
    (tmp_path / "classes.txt").write_text("road")
    with pytest.raises(FileNotFoundError, match="train/images or images/train.*holds"):
        open_split("folder", "train", tmp_path)
    for name in ("train/images", "images/train"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(ValueError, match="could be in .*: keep only"):
        open_split("folder", "train", tmp_path)


def test_a_folder_of_masks_for_each_class_is_recognized(tmp_path):
    save(PIXELS, tmp_path / "train/images/a.png")
    (tmp_path / "classes.txt").write_text("road\nwet")
    save(LABEL, tmp_path / "train/masks/road/a.png")
    with pytest.raises(ValueError, match="same name") as caught:
        open_split("folder", "train", tmp_path)
    assert "--independent-classes" not in str(caught.value)  # there is no class "wet"
    save(LABEL, tmp_path / "train/masks/wet/a.png")
    with pytest.raises(ValueError, match="same name .*pass .*--independent-classes"):
        open_split("folder", "train", tmp_path)
    dataset = open_split("folder", "train", tmp_path, independent_classes=True)
    assert dataset[0][1].shape == (*LABEL.shape, 2)


def test_options_are_for_folders_of_ones_own(tmp_path):
    with pytest.raises(ValueError, match="`channels` is for a folder of your own"):
        open_split("scenes", "train", channels=1)
    assert len(open_split("scenes", "train", scenes=2, channels=None)) == 2


def test_flags_of_the_command(tmp_path):
    import argparse

    save(PIXELS[..., 0].astype("uint16") * 50, tmp_path / "val/images/a_img.png")
    label = Image.fromarray(COLORS[LABEL]).quantize(2)
    (tmp_path / "val/labels").mkdir()
    label.save(tmp_path / "val/labels/a_gt.png")
    (tmp_path / "classes.txt").write_text("road #804080\nsky #4682b4")
    parser = argparse.ArgumentParser()
    flags.add_split(flags.add_data(parser), "val")
    common = ["--data", "folder", "--data-dir", str(tmp_path), "--channels", "1"]
    common += ["--image-name", "{stem}_img", "--label-name", "{stem}_gt"]
    common += ["--value-range", "3500", "--label-colors", "colors"]
    image, found = flags.open_data(parser.parse_args(common))[0]
    np.testing.assert_allclose(image, PIXELS[..., :1] * (50 * 255 / 3500), rtol=1e-5)
    np.testing.assert_array_equal(found, LABEL)
    with pytest.raises(ValueError, match="larger `max_pixels`"):
        flags.open_data(parser.parse_args([*common, "--max-pixels", "9"]))
