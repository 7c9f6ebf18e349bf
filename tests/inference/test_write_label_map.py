import numpy as np
import pytest
from PIL import Image

from keras_seg.data import ImageFolder, default_palette
from keras_seg.inference import write_label_map


@pytest.mark.parametrize("palette", [None, default_palette(200)])
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_the_values_are_the_classes_and_a_label_again(dtype, palette, tmp_path):
    classes = np.random.default_rng(0).integers(0, 200, (5, 7)).astype(dtype)
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    Image.new("RGB", (7, 5)).save(tmp_path / "images" / "a.png")
    path = tmp_path / "labels" / "a.png"
    write_label_map(path, classes, palette)
    names = [str(value) for value in range(200)]
    folder = ImageFolder(tmp_path / "images", tmp_path / "labels", names)
    np.testing.assert_array_equal(folder[0][1], classes)
    if palette is not None:
        with Image.open(path) as file:
            shown = np.array(file.convert("RGB"))
        np.testing.assert_array_equal(shown, palette[classes])


def test_many_classes_take_16_bits(tmp_path):
    classes = np.array([[0, 255, 256, 65535]], "int32")
    write_label_map(tmp_path / "a.png", classes, default_palette(300))
    with Image.open(tmp_path / "a.png") as file:
        np.testing.assert_array_equal(np.array(file), classes)


@pytest.mark.parametrize(
    "classes",
    [
        np.zeros((2, 3)),
        np.zeros((2, 3, 1), int),
        np.zeros((0, 3), int),
        np.array([[-1]]),
        np.array([[65536]]),
    ],
)
def test_rejects_what_is_no_label_map(classes, tmp_path):
    with pytest.raises(ValueError, match="`label_map` must"):
        write_label_map(tmp_path / "a.png", classes)
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("palette", [[[1, 2, 3, 4]], [[1, 2, 300]], [[0.1, 0.2, 0.3]]])
def test_rejects_bad_palettes(palette, tmp_path):
    with pytest.raises(ValueError, match="`palette` must be"):
        write_label_map(tmp_path / "a.png", np.zeros((2, 3), int), palette)
    assert not (tmp_path / "a.png").exists()


def test_values_beyond_the_palette_are_kept(tmp_path):
    values = np.uint8([[0, 1, 2, 255]])
    write_label_map(tmp_path / "a.png", values, np.zeros((3, 3), "uint8"))
    with Image.open(tmp_path / "a.png") as file:
        np.testing.assert_array_equal(np.asarray(file), values)
