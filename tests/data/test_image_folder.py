import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_seg.command.flags import location
from keras_seg.data import ImageFolder
from keras_seg.local_path import local_path
from tests.data.pictures import write_png

NAMES = ("road", "car", "sky")
PIXELS = np.arange(4 * 6 * 3, dtype="uint8").reshape(4, 6, 3)
LABEL = np.array([[0, 1, 2, 0, 1, 255]] * 4, "uint8")


@pytest.fixture
def folders(tmp_path):
    """Two folders with a pair named "a"."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    Image.fromarray(PIXELS).save(images / "a.png")
    Image.fromarray(LABEL).save(labels / "a.png")
    return images, labels


def test_reads_a_pair(folders):
    dataset = ImageFolder(*folders, NAMES)
    image, label = dataset[0]
    assert len(dataset) == 1
    assert image.dtype == label.dtype == np.uint8
    np.testing.assert_array_equal(image, PIXELS)
    np.testing.assert_array_equal(label, LABEL)


def test_pairs_by_name_in_sorted_order(folders):
    images, labels = folders
    for value, name in enumerate(("c", "b.small"), 1):
        Image.fromarray(PIXELS + np.uint8(value)).save(images / f"{name}.png")
        Image.fromarray(np.full_like(LABEL, value)).save(labels / f"{name}.png")
    found = [
        (image[0, 0, 0], label[0, 0]) for image, label in ImageFolder(*folders, NAMES)
    ]
    assert found == [(0, 0), (2, 2), (1, 1)]  # a, b.small, c


def test_sub_folders_pair_by_relative_path(folders):
    images, labels = folders
    for folder in folders:
        (folder / "bonn").mkdir()
    Image.fromarray(PIXELS).save(images / "bonn" / "a.png")
    Image.fromarray(np.full_like(LABEL, 2)).save(labels / "bonn" / "a.png")
    dataset = ImageFolder(*folders, NAMES)
    assert [label[0, 0] for _, label in dataset] == [0, 2]


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "bmp", "webp", "tif"])
def test_image_formats(folders, suffix):
    (folders[0] / "a.png").unlink()
    color = np.full((4, 6, 3), (200, 100, 50), "uint8")
    Image.fromarray(color).save(folders[0] / f"a.{suffix}")
    image, _ = ImageFolder(*folders, NAMES)[0]
    np.testing.assert_allclose(image, color, atol=4)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P"])
def test_other_images_become_rgb(folders, mode):
    source = Image.fromarray(PIXELS).convert(mode)
    source.save(folders[0] / "a.png")
    image, _ = ImageFolder(*folders, NAMES)[0]
    assert image.shape == (4, 6, 3)
    np.testing.assert_array_equal(image, source.convert("RGB"))


@pytest.mark.parametrize("first", [8, 16])
def test_images_of_16_bits_make_all_images_floats(folders, first):
    words = PIXELS.astype("uint16") * 300
    write_png(folders[0] / ("a.png" if first == 16 else "b.png"), words, 16, 2)
    other = "b.png" if first == 16 else "a.png"
    Image.fromarray(PIXELS).save(folders[0] / other)
    Image.fromarray(LABEL).save(folders[1] / "b.png")
    dataset = ImageFolder(*folders, NAMES)
    assert dataset.image_dtype == "float32"
    images = [image for image, _ in dataset]
    assert [image.dtype for image in images] == ["float32"] * 2
    expected = [PIXELS, words / 257] if first == 8 else [words / 257, PIXELS]
    np.testing.assert_allclose(images, expected, rtol=1e-6)


def test_channels_and_range(folders):
    write_png(folders[0] / "a.png", PIXELS[..., 0].astype("uint16") * 50, 16)
    dataset = ImageFolder(*folders, NAMES, channels=1, value_range=3500)
    assert dataset.channels == 1
    expected = PIXELS[..., :1] * (50 * 255 / 3500)
    np.testing.assert_allclose(dataset[0][0], expected, rtol=1e-5)


def test_palette_labels_are_indices(folders):
    label = Image.fromarray(LABEL).convert("P")
    label.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    label.save(folders[1] / "a.png")
    with Image.open(folders[1] / "a.png") as saved:
        assert saved.mode == "P"
    np.testing.assert_array_equal(ImageFolder(*folders, NAMES)[0][1], LABEL)


@pytest.mark.parametrize(
    "depth, color_type",
    [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (1, 3), (2, 3), (4, 3), (8, 3)],
)
def test_labels_of_every_depth_are_the_stored_values(folders, depth, color_type):
    values = np.arange(4 * 8).reshape(4, 8) % min(2**depth, 16)
    write_png(folders[1] / "a.png", values, depth, color_type)
    Image.fromarray(np.zeros((4, 8, 3), "uint8")).save(folders[0] / "a.png")
    dataset = ImageFolder(*folders, [str(index) for index in range(16)])
    np.testing.assert_array_equal(dataset[0][1], values)


def test_labels_above_255(folders):
    values = np.array([[0, 299, 300, 1000, 65535, 7]] * 4, "uint16")
    Image.fromarray(values).save(folders[1] / "a.png")
    names = [str(index) for index in range(1001)]
    label = ImageFolder(*folders, names, ignore_class=65535)[0][1]
    assert label.dtype == np.int32
    np.testing.assert_array_equal(label, values)


def test_label_map(folders):
    values = np.array([[7, 26, 0, 7, 7, 255]] * 4, "uint8")
    Image.fromarray(values).save(folders[1] / "a.png")
    label = ImageFolder(*folders, NAMES, label_map={7: 0, 26: 1, 0: 255})[0][1]
    np.testing.assert_array_equal(label, [[0, 1, 255, 0, 0, 255]] * 4)


def test_label_map_leaves_no_value_unspoken_of(folders):
    dataset = ImageFolder(*folders, NAMES, label_map={1: 0, 2: 1})
    with pytest.raises(ValueError, match=r"a\.png holds the values 0, which"):
        dataset[0]


@pytest.mark.parametrize(
    "label_map, message",
    [
        ({0: 3}, r"Received: 0: 3"),
        ({-(1 << 16): 0}, "the key -65536"),
        ({1 << 16: 0}, "the key"),
        ({True: 1, False: 0}, "the key True"),  # NumPy would take it as a mask
        ({"0": 0}, "the key '0'"),
        ({0: "1"}, "Received: 0: '1'"),
        ([0, 1], "must be a dict {value in the files: class}"),
    ],
)
def test_rejects_bad_label_maps(folders, label_map, message):
    with pytest.raises(ValueError, match=message):
        ImageFolder(*folders, NAMES, label_map=label_map)


def test_rejects_ignore_class_that_no_png_holds(folders):
    with pytest.raises(ValueError, match="`ignore_class` must be below 65536"):
        ImageFolder(*folders, NAMES, ignore_class=1 << 16)


@pytest.mark.parametrize("argument, missing", [("image_dir", 0), ("label_dir", 1)])
def test_missing_folder(folders, argument, missing):
    arguments = [*folders, NAMES]
    arguments[missing] = folders[missing] / "nowhere"
    with pytest.raises(FileNotFoundError, match=f"`{argument}` must.*nowhere"):
        ImageFolder(*arguments)


@pytest.mark.parametrize("argument, empty", [("image_dir", 0), ("label_dir", 1)])
def test_empty_folder(folders, argument, empty):
    (folders[empty] / "a.png").rename(folders[empty] / ".a.png")  # hidden files too
    with pytest.raises(ValueError, match=f"`{argument}` must hold files that end in"):
        ImageFolder(*folders, NAMES)


def test_files_without_a_partner_are_counted_and_named(folders):
    images, labels = folders
    for index in range(8):
        Image.fromarray(PIXELS).save(images / f"lonely{index}.png")
    Image.fromarray(LABEL).save(labels / "orphan.png")
    with pytest.raises(ValueError) as caught:
        ImageFolder(*folders, NAMES)
    message = str(caught.value)
    assert "8 images have no label of the same name" in message
    assert "lonely0.png" in message and "lonely7.png" not in message
    assert "1 label has no image" in message and "orphan.png" in message


def test_accents_pair_in_both_spellings(folders):
    """Archives from macOS spell "é" as a letter and an accent."""
    for folder, form in zip(folders, ("NFC", "NFD"), strict=True):
        name = unicodedata.normalize(form, "allée.png")
        (folder / "a.png").rename(folder / name)
    assert len(ImageFolder(*folders, NAMES)) == 1


def test_jpeg_labels_are_told_apart_from_no_labels(folders):
    (folders[1] / "a.png").rename(folders[1] / "a.jpg")
    with pytest.raises(ValueError, match="which holds a.jpg. JPEG and WebP change"):
        ImageFolder(*folders, NAMES)


def test_two_images_of_one_name(folders):
    Image.fromarray(PIXELS).save(folders[0] / "a.jpg")
    with pytest.raises(ValueError, match=r"two files of one name: .*a\.jpg.*a\.png"):
        ImageFolder(*folders, NAMES)


def test_other_files_are_left_alone(folders):
    (folders[0] / "README.txt").write_text("notes")
    (folders[1] / "._a.png").write_text("left by an archive")
    for folder, array in zip(folders, (PIXELS, LABEL), strict=True):
        hidden = folder / ".ipynb_checkpoints"  # of a notebook in both folders
        hidden.mkdir()
        Image.fromarray(array).save(hidden / "a-checkpoint.png")
    assert len(ImageFolder(*folders, NAMES)) == 1


def test_folders_below_the_home_folder(folders, monkeypatch):
    monkeypatch.setenv("HOME", str(folders[0].parent))
    monkeypatch.setenv("USERPROFILE", str(folders[0].parent))
    assert len(ImageFolder("~/images", "~/labels", NAMES)) == 1
    assert location("~/runs") == local_path("~/runs") == folders[0].parent / "runs"
    assert local_path("~a.png") == Path("~a.png")


def test_sizes_that_differ(folders):
    Image.fromarray(LABEL[:, :5]).save(folders[1] / "a.png")
    with pytest.raises(ValueError, match=r"images.a\.png of 6x4 and .*a\.png of 5x4"):
        ImageFolder(*folders, NAMES)


PALETTE = np.uint8([[128, 64, 128], [0, 0, 142], [70, 130, 180]])


def color_label(mode="RGB"):
    colors = Image.fromarray(PALETTE[np.minimum(LABEL, 2)])
    return colors.quantize(3) if mode == "P" else colors.convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_labels_of_colors(folders, mode):
    color_label(mode).save(folders[1] / "a.png")
    label = ImageFolder(*folders, NAMES, PALETTE)[0][1]
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, np.minimum(LABEL, 2))
    for options in ({}, {"palette": PALETTE, "label_colors": False}):
        with pytest.raises(ValueError, match="holds colors"):
            ImageFolder(*folders, NAMES, **options)


def test_a_palette_that_contradicts_the_classes(folders):
    color_label("P").save(folders[1] / "a.png")
    values = np.array(color_label("P"))
    assert (values != np.minimum(LABEL, 2)).any()
    with pytest.raises(ValueError, match=r"contradicts itself.*`label_colors=True`"):
        ImageFolder(*folders, NAMES, PALETTE)[0]
    for label_colors, expected in ((True, np.minimum(LABEL, 2)), (False, values)):
        label = ImageFolder(*folders, NAMES, PALETTE, label_colors=label_colors)[0][1]
        np.testing.assert_array_equal(label, expected)


def test_colors_of_ones_own(folders):
    color_label().save(folders[1] / "a.png")
    colors = {(128, 64, 128): 2, (0, 0, 142): 255}
    folder = ImageFolder(*folders, NAMES, label_colors=colors)
    with pytest.raises(ValueError, match=r"\(70, 130, 180\) in 8 pixels"):
        folder[0]
    folder = ImageFolder(
        *folders, NAMES, label_colors=colors, ignore_unknown_colors=True
    )
    expected = np.where(LABEL == 0, 2, 255)
    np.testing.assert_array_equal(folder[0][1], expected)


@pytest.mark.parametrize(
    ("label_colors", "words"),
    [
        ("yes", "must be None, a bool or a dict"),
        ({(1, 2): 0}, r"Received: \(1, 2\)"),
        ({(1, 2, 256): 0}, "in 0..255"),
        ({(1, 2, 3): 3}, "classes or `ignore_class`"),
        (True, "needs a `palette`"),
    ],
)
def test_rejects_bad_label_colors(folders, label_colors, words):
    with pytest.raises(ValueError, match=words):
        ImageFolder(*folders, NAMES, label_colors=label_colors)


def test_classes_of_one_color_cannot_be_told_apart(folders):
    color_label().save(folders[1] / "a.png")
    with pytest.raises(ValueError, match="'road' and 'sky' have"):
        ImageFolder(*folders, NAMES, PALETTE[[0, 1, 0]])


def test_negative_labels(folders):
    (folders[1] / "a.png").unlink()
    np.save(folders[1] / "a.npy", np.where(LABEL == 255, -1, LABEL.astype("int16")))
    with pytest.raises(ValueError, match="holds the values -1, which"):
        ImageFolder(*folders, NAMES)[0]
    label_map = {-1: 255, 0: 0, 1: 1, 2: 2}
    label = ImageFolder(*folders, NAMES, label_map=label_map)[0][1]
    np.testing.assert_array_equal(label, LABEL)


def test_orientation_turns_the_image_and_fits_the_turned_label(folders):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(PIXELS).save(folders[0] / "a.png", exif=exif)
    with pytest.raises(ValueError, match="of 4x6 and .* of 6x4 .*EXIF orientation of"):
        ImageFolder(*folders, NAMES)
    Image.fromarray(LABEL.T).save(folders[1] / "a.png")
    image, label = ImageFolder(*folders, NAMES)[0]
    np.testing.assert_array_equal(image, np.rot90(PIXELS, -1))
    np.testing.assert_array_equal(label, LABEL.T)


def test_links_to_folders_are_followed_once(folders, tmp_path):
    for folder, kind in zip(folders, ("i", "l"), strict=True):
        (tmp_path / kind).mkdir()
        Image.fromarray(PIXELS if kind == "i" else LABEL).save(
            tmp_path / kind / "b.png"
        )
        (folder / "linked").symlink_to(tmp_path / kind)
        (folder / "back").symlink_to(folder)
    dataset = ImageFolder(*folders, NAMES)
    stems = [path.relative_to(folders[0]).as_posix() for path in dataset.image_paths]
    assert stems == ["a.png", "linked/b.png"]


@pytest.mark.parametrize(
    ("image", "label", "options"),
    [
        ("a.png", "a_mask.png", {"label_name": "{stem}_mask"}),
        ("a.png", "a_mask.tif", {"label_name": "{stem}_mask"}),
        (
            "img_a.png",
            "seg_a.PNG",
            {"image_name": "img_{stem}"} | {"label_name": "seg_{stem}.png"},
        ),
        (
            "a_rgb.bmp",
            "a_L.bmp",
            {"image_name": "{stem}_rgb"} | {"label_name": "{stem}_L"},
        ),
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_names(tmp_path, image, label, options, together):
    images = tmp_path / "images" / "town"
    labels = images if together else tmp_path / "labels" / "town"
    for folder in {images, labels}:
        folder.mkdir(parents=True)
    Image.fromarray(PIXELS).save(images / image)
    Image.fromarray(LABEL).save(labels / label)
    (labels / "notes.txt").write_text("")
    dataset = ImageFolder(images.parent, labels.parent, NAMES, **options)
    assert len(dataset) == 1
    np.testing.assert_array_equal(dataset[0][0], PIXELS)
    np.testing.assert_array_equal(dataset[0][1], LABEL)


def test_names_that_do_not_fit_are_listed_with_a_remedy(folders):
    (folders[1] / "a.png").rename(folders[1] / "gt-a-1.png")
    with pytest.raises(
        ValueError, match=r"hold a.png, and gt-a-1.png. .*label_name='gt-{stem}-1'\?"
    ):
        ImageFolder(*folders, NAMES)
    with pytest.raises(ValueError, match="No label has a name like.*holds gt-a-1.png"):
        ImageFolder(*folders, NAMES, label_name="{stem}_mask")
    for bad in ("mask", "{stem}{stem}", "a/{stem}"):
        with pytest.raises(ValueError, match="`label_name` must be a file name"):
            ImageFolder(*folders, NAMES, label_name=bad)


@pytest.mark.parametrize("folder", [0, 1])
def test_unreadable_header(folders, folder):
    path = folders[folder] / "a.png"
    path.write_bytes(b"not a picture")
    with pytest.raises(
        ValueError, match=rf"Cannot read .*{folders[folder].name}.a\.png"
    ):
        ImageFolder(*folders, NAMES)


@pytest.mark.parametrize("folder", [0, 1])
@pytest.mark.parametrize("damage", ["cut", "scrambled"])
def test_damaged_pixels(folders, folder, damage):
    rng = np.random.default_rng(0)  # noise, which does not compress
    Image.fromarray(rng.integers(0, 256, (90, 90, 3), "uint8")).save(
        folders[0] / "a.png"
    )
    Image.fromarray(rng.integers(0, 3, (90, 90), "uint8")).save(folders[1] / "a.png")
    path = folders[folder] / "a.png"
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + (b"\xff" * half if damage == "scrambled" else b""))
    dataset = ImageFolder(*folders, NAMES)
    with pytest.raises(
        ValueError, match=rf"Cannot read .*{folders[folder].name}.a\.png"
    ):
        dataset[0]


def test_values_that_are_no_classes(folders):
    Image.fromarray(np.array([[0, 3, 7, 254, 1, 255]] * 4, "uint8")).save(
        folders[1] / "a.png"
    )
    dataset = ImageFolder(*folders, NAMES)
    with pytest.raises(ValueError, match=r"a\.png holds the values 3, 7, 254, which"):
        dataset[0]


def test_index_error_ends_a_loop(folders):
    with pytest.raises(IndexError):
        ImageFolder(*folders, NAMES)[1]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 6, 5), "uint8"), "3 channels. Received: .*a.npy with 5"),
        (np.zeros((4, 6, 3), "float32"), "a.npy is unknown. .*floats of 32 bits"),
        (np.zeros((4, 6, 3), "float16"), "a.npy is unknown. .*floats of 16 bits"),
        (np.zeros((4, 6, 3), "int16"), "a.npy is unknown. .*signed integers of 16"),
        (np.zeros((4, 6, 3), "uint32"), "a.npy is unknown. .*integers of 32 bits"),
    ],
)
def test_images_that_cannot_be_read_are_found_first(folders, image, message):
    (folders[0] / "a.png").unlink()
    np.save(folders[0] / "a.npy", image)
    with pytest.raises(ValueError, match=message):
        ImageFolder(*folders, NAMES)


@pytest.mark.parametrize("dtype", ["int8", "int16", "float16", "float32"])
def test_images_of_a_given_range(folders, dtype):
    (folders[0] / "a.png").unlink()
    np.save(folders[0] / "a.npy", np.ones((4, 6, 3), dtype))
    dataset = ImageFolder(*folders, NAMES, value_range=5)
    assert dataset.image_dtype == "float32"
    np.testing.assert_allclose(dataset[0][0], 51)
