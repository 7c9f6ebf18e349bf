import numpy as np
import pytest
from PIL import Image

from keras_seg.data import read_image, read_label
from tests.data import pictures

VALUES = np.array([[0, 1, 2, 15], [3, 3, 0, 1]])
COLORS = {(128, 64, 128): 0, (0, 0, 142): 1, (70, 70, 70): 4}
OF_COLORS = np.array([[0, 1, 4, 4], [4, 1, 0, 0]])


def colored(values=OF_COLORS):
    lookup = np.zeros((256, 3), "uint8")
    for color, value in COLORS.items():
        lookup[value] = color
    return lookup[values]


@pytest.mark.parametrize("bits", [4, 8, 16, 32])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_tiff_values_are_the_stored_ones(tmp_path, bits, photometric):
    tifffile = pytest.importorskip("tifffile")
    path = tmp_path / "a.tif"
    values = VALUES.astype("uint8" if bits < 9 else f"uint{bits}")
    options = {"bitspersample": 4} if bits == 4 else {}
    tifffile.imwrite(path, values, photometric=photometric, **options)
    if photometric == "minisblack":
        # Byte 24 of the file is what a PNG header's rule would read.
        label = read_label(path)
        assert label.dtype == ("uint8" if bits <= 8 else "int32")
        np.testing.assert_array_equal(label, VALUES)
    else:
        with pytest.raises(ValueError, match="0 is white"):
            read_label(path)


def test_a_tiff_that_pillow_wrote(tmp_path):
    for values in (VALUES * 16, VALUES.astype(bool)):
        values = values.astype("uint8") if values.dtype != bool else values
        Image.fromarray(values).save(tmp_path / "a.tif")
        np.testing.assert_array_equal(read_label(tmp_path / "a.tif"), values)


@pytest.mark.parametrize("suffix", ["bmp", "gif", "tif", "png"])
@pytest.mark.parametrize("has_palette", [False, True])
def test_values_of_other_files(tmp_path, suffix, has_palette):
    path = tmp_path / f"a.{suffix}"
    image = Image.fromarray(VALUES.astype("uint8"))
    if has_palette:
        image.putpalette(np.arange(768)[::-1].astype("uint8").tobytes())
    # GIF files have colors for as many values as there are.
    image.save(path, **({"optimize": False} if suffix == "gif" else {}))
    np.testing.assert_array_equal(read_label(path), VALUES)


def test_gray_gif_files_hold_their_gray_values(tmp_path):
    values = np.array([[0, 1, 255], [7, 7, 1]], "uint8").repeat(4, 0).repeat(4, 1)
    Image.fromarray(values).save(tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:  # Pillow renumbers the values
        assert image.mode == "P" and np.asarray(image).max() == 3
    np.testing.assert_array_equal(read_label(tmp_path / "a.gif"), values)
    np.testing.assert_array_equal(read_image(tmp_path / "a.gif", 1)[..., 0], values)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float32"])
def test_arrays(tmp_path, dtype):
    values = np.array([[0, 1, 1], [1, 0, 0]], dtype)
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(read_label(tmp_path / "a.npy"), values)
    np.save(tmp_path / "a.npy", values[..., None])
    np.testing.assert_array_equal(read_label(tmp_path / "a.npy"), values)


@pytest.mark.parametrize("value", [0.5, np.nan, 2.0**40])
def test_values_that_are_no_integers(tmp_path, value):
    np.save(tmp_path / "a.npy", np.array([[0, value]]))
    with pytest.raises(ValueError, match="must be 32-bit integers"):
        read_label(tmp_path / "a.npy")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_colors(tmp_path, mode, suffix):
    if (mode, suffix) == ("RGBA", "bmp"):
        pytest.skip("BMP files have no alpha channel")
    path = tmp_path / f"a.{suffix}"
    image = Image.fromarray(colored())
    image = image.quantize(3) if mode == "P" else image.convert(mode)
    image.save(path)
    np.testing.assert_array_equal(read_label(path, COLORS), OF_COLORS)


def test_colors_of_numpy_integers(tmp_path):
    palette = np.array([[0, 0, 0], [128, 64, 128]], "uint8")
    values = np.array([[0, 1, 1]])
    Image.fromarray(palette[values]).save(tmp_path / "a.png")
    colors = {tuple(color): index for index, color in enumerate(palette)}
    found = read_label(tmp_path / "a.png", colors, unknown=255)
    np.testing.assert_array_equal(found, values)


def test_gray_as_colors(tmp_path):
    Image.fromarray(np.uint8([[0, 255]])).save(tmp_path / "a.png")
    colors = {(0, 0, 0): 0, (255, 255, 255): 1}
    np.testing.assert_array_equal(read_label(tmp_path / "a.png", colors), [[0, 1]])
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_label(tmp_path / "a.png", colors), [[0, 1]])


def test_unknown_colors_are_listed_or_ignored(tmp_path):
    pixels = colored()
    pixels[0, :3] = 1, 2, 3
    pixels[1, 0] = 9, 9, 9
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(
        ValueError, match=r"a\.png holds.*\(1, 2, 3\) in 3 pixels, \(9, 9, 9\) in 1"
    ):
        read_label(tmp_path / "a.png", COLORS)
    expected = np.array(OF_COLORS)
    expected[0, :3] = expected[1, 0] = 255
    found = read_label(tmp_path / "a.png", COLORS, unknown=255)
    np.testing.assert_array_equal(found, expected)


def test_gray_saved_as_rgb_is_told(tmp_path):
    Image.fromarray(np.uint8(VALUES)).convert("RGB").save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="All its pixels are gray"):
        read_label(tmp_path / "a.png", COLORS)


def test_refuses(tmp_path):
    Image.fromarray(colored()).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="holds colors"):
        read_label(tmp_path / "a.png")
    Image.fromarray(colored()).save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="JPEG and WebP change its values"):
        read_label(tmp_path / "a.jpg", COLORS)
    pictures.write_png(tmp_path / "a.png", colored(), 16, pictures.RGB)
    with pytest.raises(ValueError, match="3 channels of 16 bits"):
        read_label(tmp_path / "a.png", COLORS)


@pytest.mark.parametrize("kind", ["jpeg", "webp", "tiff"])
def test_lossy_files_are_refused_whatever_their_name(tmp_path, kind):
    path = tmp_path / "a.png"
    options = {"compression": "jpeg"} if kind == "tiff" else {}
    Image.fromarray(np.uint8(np.tile(VALUES, (4, 4)))).save(path, kind, **options)
    with Image.open(path) as image:
        for source in (path, path.read_bytes(), image):
            with pytest.raises(ValueError, match="JPEG and WebP change its values"):
                read_label(source)


@pytest.mark.parametrize("orientation", [3, 5, 6])
def test_is_turned(tmp_path, orientation):
    path = tmp_path / "a.png"
    pictures.write_png(path, VALUES, 8, exif=pictures.exif_bytes(orientation))
    expected = pictures.upright(VALUES, orientation)
    np.testing.assert_array_equal(read_label(path), expected)
