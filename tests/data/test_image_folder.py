import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import ImageFolder

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


def write_png(path, values, depth, color_type=0):
    """Writes a PNG of any bit depth, which Pillow cannot; rows must fill bytes."""
    bits = np.unpackbits(np.asarray(values, ">u2")[..., None].view("uint8"), axis=-1)
    rows = np.packbits(bits[..., -depth:].reshape(len(values), -1), axis=-1)

    def chunk(kind, body):
        check = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + check

    height, width = np.shape(values)
    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    colors = b""
    if color_type == 3:
        colors = chunk(b"PLTE", bytes(77 * index % 256 for index in range(3 << depth)))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + colors
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )


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


def test_refuses_images_of_16_bits(folders):
    Image.fromarray(PIXELS[..., 0].astype("uint16")).save(folders[0] / "a.png")
    with pytest.raises(ValueError, match=r"8 bits a channel. Received: .*a\.png"):
        ImageFolder(*folders, NAMES)


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
    [({0: 3}, r"Received: 0: 3"), ({-1: 0}, "the key -1"), ({1 << 16: 0}, "the key")],
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
    assert "8 image(s) have no label PNG" in message
    assert "lonely0.png" in message and "lonely7.png" not in message
    assert "1 label(s) have no image" in message and "orphan.png" in message


def test_two_images_of_one_name(folders):
    Image.fromarray(PIXELS).save(folders[0] / "a.jpg")
    with pytest.raises(ValueError, match=r"two files of one name: .*a\.jpg.*a\.png"):
        ImageFolder(*folders, NAMES)


def test_other_files_are_left_alone(folders):
    (folders[0] / "README.txt").write_text("notes")
    (folders[1] / "._a.png").write_text("left by an archive")
    assert len(ImageFolder(*folders, NAMES)) == 1


def test_sizes_that_differ(folders):
    Image.fromarray(LABEL[:, :5]).save(folders[1] / "a.png")
    with pytest.raises(ValueError, match=r"images.a\.png of 6x4 and .*a\.png of 5x4"):
        ImageFolder(*folders, NAMES)


def test_rgb_labels(folders):
    Image.fromarray(PIXELS).save(folders[1] / "a.png")
    with pytest.raises(ValueError, match=r"labels.a\.png of mode 'RGB'"):
        ImageFolder(*folders, NAMES)


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
