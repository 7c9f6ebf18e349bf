import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from keras_seg.data import read_image
from keras_seg.export.encoded_images import decode_images
from tests.export.images import bad_files, encode, photograph, pretended

LIMIT = 4096 * 4096


def decoder(size=None, always=False, max_pixels=LIMIT):
    @tf.function(
        input_signature=[tf.TensorSpec((None,), "string")],
        autograph=False,
    )
    def decode(contents):
        return decode_images(contents, size, always, max_pixels)

    return lambda *contents: decode(tf.constant(contents, "string")).numpy()


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1"])
def test_png_is_what_pillow_reads(mode):
    image = photograph(30, 41)
    content = encode(image, mode=mode)
    expected = np.asarray(Image.fromarray(image).convert(mode).convert("RGB"))
    np.testing.assert_array_equal(decoder()(content), expected[None])


@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"progressive": True}, {"mode": "L"}]
)
def test_jpeg_is_what_pillow_reads(options):
    content = encode(photograph(37, 50), "JPEG", **options)
    expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    np.testing.assert_array_equal(decoder()(content), expected[None])


def test_sixteen_bits_keep_their_depth():
    gray = np.arange(20, dtype="uint16").reshape(4, 5) * 3000
    content = encode(gray)
    expected = np.repeat(gray[..., None] / 257, 3, axis=-1)
    np.testing.assert_allclose(decoder()(content)[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(decoder()(content)[0], read_image(content))


def noted(image, orientation, format, big_endian=True, others=0):
    """The bytes of a file that notes an orientation among other things."""
    exif = Image.Exif()
    exif.endian = ">" if big_endian else "<"
    for tag in range(others):
        exif[0x0100 + tag] = 60 + tag
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
    return encode(image, format, exif=exif.tobytes(), **options)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_images_are_turned_as_predict_turns_them(format):
    image, decode = photograph(12, 16), decoder()
    for orientation in range(1, 9):
        content = noted(image, orientation, format)
        found = decode(content)[0]
        assert found.shape == ((16, 12, 3) if orientation > 4 else (12, 16, 3))
        np.testing.assert_array_equal(found, read_image(content))
        reference = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
        np.testing.assert_array_equal(found, np.asarray(reference))


@pytest.mark.parametrize("big_endian", [False, True])
def test_the_note_is_found_among_others(big_endian):
    image, decode = photograph(12, 16), decoder()
    content = noted(image, 6, "JPEG", big_endian, others=9)
    np.testing.assert_array_equal(decode(content)[0], read_image(content))
    # A comment and fill bytes in front of it, as other programs write them.
    content = content[:2] + b"\xff\xfe\0\x07hello" + b"\xff" * 3 + content[2:]
    assert decode(content).shape == (1, 16, 12, 3)


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_damaged_notes_leave_an_image_as_it_is(format):
    image, decode = photograph(12, 16), decoder()
    content = noted(image, 6, format)
    start = content.index(b"MM\0*")
    rng = np.random.default_rng(0)
    damages = [b"\xff" * 8, b"MM\0*\xff\xff\xff\xff", b"II*\0\0\0\0\x7f"]
    damages += [rng.bytes(26) for _ in range(5)]
    for damage in damages:
        damaged = content[:start] + damage + content[start + len(damage) :]
        if format == "PNG":  # the chunk's checksum
            end = start + struct.unpack(">I", content[start - 8 : start - 4])[0]
            check = struct.pack(">I", zlib.crc32(damaged[start - 4 : end]))
            damaged = damaged[:end] + check + damaged[end + 4 :]
        assert decode(damaged).shape[1:3] in ((12, 16), (16, 12))


def test_images_that_are_turned_differently_go_together():
    image = photograph(12, 16)
    upright = np.rot90(image, -1)
    found = decoder()(noted(image, 6, "PNG"), encode(upright))
    np.testing.assert_array_equal(found, [upright, upright])


def test_a_single_image_keeps_its_size_and_several_are_resized():
    images = [photograph(40, 60), photograph(80, 50, seed=1)]
    files = [encode(image) for image in images]
    decode = decoder(size=(20, 30))
    np.testing.assert_array_equal(decode(files[0]), images[0][None])
    expected = [
        # Pillow too widens the triangle when it reduces.
        Image.fromarray(image).resize((30, 20), Image.Resampling.BILINEAR)
        for image in images
    ]
    # Which rounds after each of both directions.
    np.testing.assert_allclose(decode(*files), np.stack(expected), atol=1.01)


def test_a_single_image_is_resized_where_it_must_be():
    decode = decoder(size=(20, 30), always=True)
    assert decode(encode(photograph(40, 60))).shape == (1, 20, 30, 3)


def test_images_of_one_size_need_no_stated_one():
    images = [photograph(12, 16, seed) for seed in range(3)]
    np.testing.assert_array_equal(decoder()(*map(encode, images)), images)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have one size"):
        decoder()(encode(photograph(12, 16)), encode(photograph(16, 12)))


@pytest.mark.parametrize("name", list(bad_files()))
def test_bad_files_are_invalid_arguments(name):
    content, message = bad_files()[name]
    good = encode(photograph(12, 16))
    decode = decoder(size=(8, 8))
    for request in ([content], [good, content]):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            decode(*request)
    assert decode(good).shape == (1, 12, 16, 3)


def test_a_request_of_nothing_is_an_invalid_argument():
    with pytest.raises(tf.errors.InvalidArgumentError, match="at least one image"):
        decoder()()


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_sizes_are_refused_before_anything_is_decoded(format):
    """Else the error would be that of the pixels, which these files do not have."""
    assert decoder(max_pixels=120)(encode(photograph(10, 12), format)).size == 360
    content = pretended(format, 11, 11)
    with pytest.raises(tf.errors.InvalidArgumentError, match="between 1 and 120"):
        decoder(max_pixels=120)(content)


def test_the_images_of_a_request_are_bounded_together():
    files = [encode(photograph(10, 10))] * 3
    assert decoder(size=(10, 10), max_pixels=300)(*files).shape == (3, 10, 10, 3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="299 pixels together"):
        decoder(size=(10, 10), max_pixels=299)(*files)
