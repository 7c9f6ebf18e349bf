import warnings

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import read_image
from tests.data import pictures

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (4, 8, 3), "uint8")
WORDS = RNG.integers(0, 65536, (4, 8, 4)).astype("uint16")


def write_tiff(path, pixels, **options):
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(path, pixels, **options)
    return path


@pytest.mark.parametrize(
    ("color_type", "samples"),
    [(pictures.GRAY, 1), (pictures.RGB, 3), (pictures.GRAY_ALPHA, 2)]
    + [(pictures.RGBA, 4)],
)
@pytest.mark.parametrize("depth", [8, 16])
def test_png_of_every_kind(tmp_path, depth, color_type, samples):
    path = tmp_path / "a.png"
    values = (WORDS >> (16 - depth))[..., :samples]
    pictures.write_png(path, values, depth, color_type)
    expected = values / (2**depth - 1) * 255
    image = read_image(path)
    assert image.dtype == ("uint8" if depth == 8 else "float32")
    colors = expected[..., : 3 if samples > 2 else 1]
    np.testing.assert_allclose(image, np.broadcast_to(colors, (4, 8, 3)), atol=1e-4)
    alike = read_image(path, channels=samples)
    np.testing.assert_allclose(alike, expected, atol=1e-4)
    assert alike.shape == (4, 8, samples)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_of_few_bits_reaches_white(tmp_path, depth):
    values = np.arange(32).reshape(4, 8) % 2**depth
    pictures.write_png(tmp_path / "a.png", values, depth)
    image = read_image(tmp_path / "a.png", channels=1)
    np.testing.assert_array_equal(image[..., 0], values * 255 // (2**depth - 1))


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiff_of_16_bits(tmp_path, planar):
    path, pixels = tmp_path / "a.tif", WORDS[..., :3]
    stored = np.moveaxis(pixels, -1, 0) if planar == "separate" else pixels
    write_tiff(path, stored, photometric="rgb", planarconfig=planar)
    np.testing.assert_allclose(read_image(path), pixels / 257, rtol=1e-6)


def test_a_range_of_12_bits(tmp_path):
    path, pixels = tmp_path / "a.png", WORDS[..., :3] >> 4
    pixels[0, 0] = 4095, 0, 5000
    pictures.write_png(path, pixels, 16, pictures.RGB)
    image = read_image(path, value_range=4095)
    expected = np.minimum(pixels / 4095, 1) * 255
    np.testing.assert_allclose(image, expected, atol=1e-4)
    np.testing.assert_array_equal(image, read_image(path, value_range=(0, 4095)))


@pytest.mark.parametrize(("highest", "range_"), [(4095, "4095"), (700, "1023")])
def test_warns_where_only_the_low_bits_are_in_use(tmp_path, highest, range_):
    path = tmp_path / "a.png"
    pictures.write_png(path, np.minimum(WORDS[..., 0], highest), 16)
    with pytest.warns(UserWarning, match=f"pass `value_range={range_}`"):
        read_image(path)
    pictures.write_png(path, WORDS[..., 0], 16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_image(path)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "uint32", "int16"])
@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_values_of_no_known_range_need_one(tmp_path, suffix, dtype):
    pixels = np.linspace(0, 1000, 4 * 8 * 3).reshape(4, 8, 3).astype(dtype)
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        write_tiff(path, pixels, photometric="rgb")
    else:
        np.save(path, pixels)
    with pytest.raises(ValueError, match=rf"{dtype}, in 0.*\.\.1000.*`value_range="):
        read_image(path)
    image = read_image(path, value_range=(100, 900))
    expected = np.clip((pixels.astype("float64") - 100) / 800, 0, 1) * 255
    assert image.dtype == "float32"
    np.testing.assert_allclose(image, expected, atol=1e-3)


def test_nan_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[0.5, np.nan, np.inf]]))
    with pytest.raises(ValueError, match="2 values are nan or infinite"):
        read_image(tmp_path / "a.npy", value_range=1)


@pytest.mark.parametrize("suffix", ["tif", "npy"])
def test_many_channels(tmp_path, suffix):
    pixels = RNG.integers(0, 256, (4, 8, 5), "uint8")
    path = tmp_path / f"a.{suffix}"
    if suffix == "tif":
        write_tiff(path, pixels, photometric="minisblack", planarconfig="contig")
    else:
        np.save(path, pixels)
    np.testing.assert_array_equal(read_image(path, channels=5), pixels)
    with pytest.raises(ValueError, match=r"3 channels. Received: .*a\.\w+ with 5"):
        read_image(path)


def test_near_infrared_is_no_alpha(tmp_path):
    pixels = RNG.integers(0, 256, (4, 8, 4), "uint8")
    options = {"photometric": "rgb", "planarconfig": "contig"}
    path = write_tiff(
        tmp_path / "a.tif", pixels, extrasamples=["unspecified"], **options
    )
    np.testing.assert_array_equal(read_image(path, channels=4), pixels)
    with pytest.raises(ValueError, match="with 4"):
        read_image(path)
    write_tiff(path, pixels, extrasamples=["unassalpha"], **options)
    np.testing.assert_array_equal(read_image(path), pixels[..., :3])


def test_tiff_whose_zero_is_white(tmp_path):
    pixels = WORDS[..., 0]
    path = write_tiff(tmp_path / "a.tif", pixels, photometric="miniswhite")
    expected = (65535 - pixels) / 257
    np.testing.assert_allclose(read_image(path, 1)[..., 0], expected, rtol=1e-6)


def test_a_tiff_of_pages_is_refused(tmp_path):
    for dtype in ("uint8", "uint16"):
        pages = np.full((3, 4, 8), 9, dtype)
        path = write_tiff(tmp_path / "a.tif", pages, photometric="minisblack")
        with pytest.raises(ValueError, match=r"Cannot read .*a\.tif: it holds 3 pages"):
            read_image(path)


def test_tifffile_is_named_where_it_is_missing(tmp_path, monkeypatch):
    path = write_tiff(tmp_path / "a.tif", WORDS[..., :3], photometric="rgb")
    monkeypatch.setitem(__import__("sys").modules, "tifffile", None)
    with pytest.raises(ImportError, match=r"a\.tif.*pip install 'keras-seg\[tiff\]'"):
        read_image(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    "kind", ["jpg", "png", "late png", "16-bit png", "tif", "webp"]
)
def test_is_turned_as_people_see_it(tmp_path, kind, orientation):
    blocks = RNG.integers(0, 256, (2, 3, 3), "uint8")
    pixels = np.kron(blocks, np.ones((16, 16, 1), "uint8"))  # which a JPEG keeps
    path = tmp_path / f"a.{kind.split()[-1]}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    if kind == "tif":
        Image.fromarray(pixels).save(path, tiffinfo={0x0112: orientation})
    elif "png" in kind and kind != "png":
        depth = 16 if kind.startswith("16") else 8
        values = pixels * np.uint16(257) if depth == 16 else pixels
        note = pictures.exif_bytes(orientation)
        pictures.write_png(path, values, depth, pictures.RGB, note)
    else:
        options = (
            {"lossless": True} if kind == "webp" else {"quality": 100, "subsampling": 0}
        )
        Image.fromarray(pixels).save(path, exif=exif, **options)
    expected = pictures.upright(pixels, orientation)
    atol = 8 if kind == "jpg" else 0
    np.testing.assert_allclose(read_image(path).astype(int), expected, atol=atol)
    np.testing.assert_array_equal(read_image(path.read_bytes()), read_image(path))


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_tiff_that_pillow_opened_is_turned_once(tmp_path, orientation):
    Image.fromarray(BYTES).save(tmp_path / "a.tif", tiffinfo={0x0112: orientation})
    with Image.open(tmp_path / "a.tif") as image:
        found = read_image(image)
    np.testing.assert_array_equal(found, pictures.upright(BYTES, orientation))


def test_16_bit_tiff_is_turned(tmp_path):
    pixels = WORDS[..., :3]
    options = {"photometric": "rgb", "extratags": [(0x0112, 3, 1, 6, True)]}
    path = write_tiff(tmp_path / "a.tif", pixels, **options)
    expected = np.rot90(pixels, -1) / 257
    np.testing.assert_allclose(read_image(path), expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK"])
def test_images_of_pillow(mode):
    image = Image.fromarray(BYTES).convert(mode)
    np.testing.assert_array_equal(read_image(image), np.array(image.convert("RGB")))
    exif = image.getexif()
    exif[0x0112] = 6
    image.info["exif"] = exif.tobytes()
    np.testing.assert_array_equal(read_image(image)[0, -1], read_image(image)[0, -1])


def test_a_palette_that_lacks_colors():
    image = Image.fromarray(np.array([[0, 1, 9]], "uint8"))
    image.putpalette([0, 0, 0, 128, 64, 128])
    with pytest.raises(ValueError, match="one of the 2 colors.*: the index 9, in the"):
        read_image(image)


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_animations_are_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    first, second = (Image.fromarray(pixels) for pixels in (BYTES, 255 - BYTES))
    first.save(path, save_all=True, append_images=[second])
    with pytest.raises(ValueError, match=f"a.{suffix}: it is an animation. Save each"):
        read_image(path)
    first.save(path, save_all=True)
    assert read_image(path).shape == BYTES.shape


def test_an_image_that_pillow_would_cut_is_refused(tmp_path):
    pictures.write_png(tmp_path / "a.png", WORDS[..., :3], 16, pictures.RGB)
    with Image.open(tmp_path / "a.png") as image:
        with pytest.raises(ValueError, match="cuts its 16 bits to 8. Pass the path"):
            read_image(image)


def test_arrays():
    np.testing.assert_array_equal(read_image(BYTES), BYTES)
    gray = read_image(BYTES[..., 0])
    np.testing.assert_array_equal(gray, np.repeat(BYTES[..., :1], 3, axis=-1))
    np.testing.assert_array_equal(read_image(BYTES[..., :1]), gray)
    four = np.concatenate([BYTES, BYTES[..., :1]], axis=-1)
    np.testing.assert_array_equal(read_image(four), BYTES)
    np.testing.assert_array_equal(read_image(four, channels=4), four)
    np.testing.assert_array_equal(read_image(gray > 99), np.where(gray > 99, 255, 0))
    floats = BYTES / 255
    np.testing.assert_allclose(read_image(floats, value_range=1), BYTES, atol=1e-4)
    with pytest.raises(ValueError, match="0..1: multiply by 255, or pass `value_range"):
        read_image(floats)
    with pytest.raises(
        ValueError, match=r"in 0..255. Received values in .*`value_range"
    ):
        read_image(WORDS[..., :3])


def test_color_to_gray_as_pillow_does():
    expected = np.array(Image.fromarray(BYTES).convert("L")).astype(int)
    gray = read_image(BYTES, channels=1)
    assert gray.dtype == "uint8" and gray.shape == (4, 8, 1)
    np.testing.assert_allclose(gray[..., 0].astype(int), expected, atol=1)


def test_the_limit_of_pixels_is_an_option(tmp_path, monkeypatch):
    monkeypatch.setattr(
        Image, "MAX_IMAGE_PIXELS", 10
    )  # of Pillow, which must not count
    Image.fromarray(BYTES).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png", max_pixels=32), BYTES)
    with pytest.raises(ValueError, match=r"8x4 pixels.*larger `max_pixels`"):
        read_image(tmp_path / "a.png", max_pixels=31)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize(
    "kind", ["png", "jpg", "bmp", "webp", "tif", "npy", "16-bit png"]
)
def test_truncated_files(tmp_path, kind):
    path = tmp_path / f"a.{kind.split()[-1]}"
    pixels = RNG.integers(0, 256, (90, 90, 3), "uint8")
    if kind == "npy":
        np.save(path, pixels)
    elif kind == "16-bit png":
        pictures.write_png(path, pixels, 16, pictures.RGB)
    else:
        Image.fromarray(pixels).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"Cannot read .*a\.\w+: "):
        read_image(path)


def test_what_is_no_image(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.png"):
        read_image(tmp_path / "none.png")
    for content, words in (
        ("", "the file is empty"),
        ("<html>404</html>", "it is not an image. It begins with b'<html>404"),
        ("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ):
        (tmp_path / "a.png").write_text(content)
        with pytest.raises(ValueError, match=rf"Cannot read .*a\.png: .*{words}"):
            read_image(tmp_path / "a.png")
    with pytest.raises(ValueError, match="Cannot read the image of 3 bytes"):
        read_image(b"\xff\xd8\xff")
    with pytest.raises(TypeError, match="a PIL.Image.Image or an array. Received: int"):
        read_image(3)
    Image.fromarray(BYTES).save(tmp_path / "a.ppm")
    with pytest.raises(ValueError, match="must be PNG, JPEG.*Received: PPM"):
        read_image(tmp_path / "a.ppm")


@pytest.mark.parametrize("value_range", [0, (5, 5), (1, 2, 3), "12", (9, 1)])
def test_rejects_bad_ranges(value_range):
    with pytest.raises(ValueError, match="`value_range` must be a pair"):
        read_image(BYTES, value_range=value_range)


@pytest.mark.parametrize("channels", [0, 2.0, "3"])
def test_rejects_bad_channels(channels):
    with pytest.raises(ValueError, match="`channels` must be a positive integer"):
        read_image(BYTES, channels=channels)
