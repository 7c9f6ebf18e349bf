import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, PngImagePlugin

from keras_seg.data import ImageFolder, read_image, training_pipeline
from keras_seg.data.encoded_files import is_plain_image, is_plain_label

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (24, 40, 3), dtype="uint8")
LABEL = RNG.integers(0, 3, (24, 40), dtype="uint8")


def encoded(array, form="PNG", mode=None, **options):
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, form, **options)
    return buffer.getvalue()


def turned_jpeg():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(PICTURE, "JPEG", exif=exif)


def palette_label():
    image = Image.fromarray(LABEL, "L").convert("P")
    image.putpalette([value for value in range(256) for _ in range(3)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def folder_of(tmp_path, images, labels, **options):
    for name, files in (("images", images), ("labels", labels)):
        (tmp_path / name).mkdir()
        for index, data in enumerate(files):
            suffix = "jpg" if data[:2] == b"\xff\xd8" else "png"
            (tmp_path / name / f"{index}.{suffix}").write_bytes(data)
    classes = ("a", "b", "c")
    return ImageFolder(tmp_path / "images", tmp_path / "labels", classes, **options)


def read_all(dataset, **options):
    batches = [*training_pipeline(dataset, len(dataset), **options)]
    images, labels = batches[0]
    return images.numpy(), labels.numpy()


IMAGES = {
    "RGB PNG": (encoded(PICTURE), True),
    "gray PNG": (encoded(PICTURE, mode="L"), True),
    "RGBA PNG": (encoded(PICTURE, mode="RGBA"), True),
    "optimized PNG": (encoded(PICTURE, optimize=True), True),
    "JPEG": (encoded(PICTURE, "JPEG", quality=90), True),
    "fine JPEG": (encoded(PICTURE, "JPEG", quality=98, subsampling=0), True),
    "progressive JPEG": (encoded(PICTURE, "JPEG", progressive=True), True),
    "gray JPEG": (encoded(PICTURE, "JPEG", mode="L"), True),
    "CMYK JPEG": (encoded(PICTURE, "JPEG", mode="CMYK"), False),
    "palette PNG": (encoded(PICTURE, mode="P"), False),
    "bits": (encoded(PICTURE, mode="1"), False),
    "16 bits": (encoded(PICTURE[..., 0].astype("uint16")), False),
    "turned JPEG": (turned_jpeg(), False),
    "transparent": (encoded(PICTURE, transparency=(0, 0, 0)), False),
    "cut PNG": (encoded(PICTURE)[:-20], False),
    "cut JPEG": (encoded(PICTURE, "JPEG")[:-20], False),
    "nothing": (b"", False),
    "text": (b"hello" * 20, False),
}


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{}"/>
</rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", [1, 2, 3])
def test_an_orientation_in_xmp(orientation, kind, tmp_path):
    text = XMP.format(orientation)
    options: dict = {"xmp": text.encode()}
    if kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", text)
        options = {"pnginfo": chunks}
    data = encoded(PICTURE, kind, **options)
    (tmp_path / "a").write_bytes(data)
    found = read_image(tmp_path / "a")
    upright = np.asarray(Image.open(io.BytesIO(data)))
    turned = not np.array_equal(found, upright)
    assert turned == (orientation > 1)
    assert is_plain_image(data, 10**6) == (kind == "JPEG" and not turned)


@pytest.mark.parametrize("name", IMAGES)
def test_which_images_tensorflow_decodes(name):
    data, plain = IMAGES[name]
    assert is_plain_image(data, 10**6) is plain
    assert not is_plain_image(data, 24 * 40 - 1)


def test_which_labels_tensorflow_decodes():
    assert is_plain_label(encoded(LABEL), 10**6)
    for data in (palette_label(), encoded(PICTURE), encoded(PICTURE, "JPEG")):
        assert not is_plain_label(data, 10**6)


def test_a_damaged_png_is_left_to_the_reader_whose_error_names_it(tmp_path):
    data = bytearray(encoded(PICTURE))
    data[len(data) // 2] ^= 255
    assert not is_plain_image(bytes(data), 10**6)
    dataset = folder_of(tmp_path, [bytes(data)], [encoded(LABEL)])
    with pytest.raises(tf.errors.InvalidArgumentError, match="images/0.png"):
        read_all(dataset, augmentation=lambda x, y, seed: (x[:1, :1], y[:1, :1]))


def test_both_ways_of_reading_agree(tmp_path, monkeypatch):
    """The pixels of the pipeline are those of the data set."""
    plain = [data for data, is_plain in IMAGES.values() if is_plain]
    dataset = folder_of(tmp_path, plain, [encoded(LABEL)] * len(plain))
    expected = [dataset[index] for index in range(len(dataset))]
    monkeypatch.setattr(type(dataset), "__getitem__", None)  # not read by Python
    images, labels = read_all(dataset, augmentation=lambda x, y, seed: (x, y))
    order = np.random.default_rng((0, 0)).permutation(len(dataset))
    for image, label, index in zip(images, labels, order, strict=True):
        np.testing.assert_array_equal(image, expected[index][0])
        np.testing.assert_array_equal(label, expected[index][1])


def test_other_files_are_read_by_python(tmp_path):
    images = [IMAGES[name][0] for name in ("palette PNG", "CMYK JPEG", "RGB PNG")]
    labels = [encoded(LABEL), encoded(LABEL), palette_label()]
    dataset = folder_of(tmp_path, images, labels)
    assert [dataset.read_encoded(index) for index in range(3)] == [None] * 3
    images, labels = read_all(dataset)
    for index, place in enumerate(np.random.default_rng((0, 0)).permutation(3)):
        np.testing.assert_array_equal(images[index], dataset[place][0])
        np.testing.assert_array_equal(labels[index], dataset[place][1])


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.parametrize(
    ("classes", "ignore_class"),
    [
        ([0, 1, 2], 255),
        ([0, 1, 255], 255),
        ([1, 0, 2], 255),
        ([2, 255, 0], 255),
        ([0, 300, 2], 300),
    ],
)
def test_label_maps(tmp_path, classes, ignore_class, cache):
    dataset = folder_of(
        tmp_path,
        [encoded(PICTURE)],
        [encoded(LABEL)],
        label_map=dict(enumerate(classes)),
        ignore_class=ignore_class,
    )
    _, labels = read_all(dataset, cache=cache)
    np.testing.assert_array_equal(labels[0], np.array(classes)[LABEL])


def test_values_that_are_no_class_name_the_file(tmp_path):
    dataset = folder_of(tmp_path, [encoded(PICTURE)], [encoded(LABEL + np.uint8(5))])
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels/0.png holds the"):
        read_all(dataset, augmentation=lambda x, y, seed: (x[:1, :1], y[:1, :1]))


def test_many_classes(tmp_path):
    dataset = folder_of(
        tmp_path, [encoded(PICTURE)], [encoded(LABEL)], ignore_class=65535
    )
    _, labels = read_all(dataset, augmentation=lambda x, y, seed: (x, y + 300))
    np.testing.assert_array_equal(labels[0], LABEL.astype("int32") + 300)


def test_a_jpeg_with_damaged_exif_is_left_to_the_reader(tmp_path):
    exif = b"Exif\0\0no TIFF header"
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    data = encoded(PICTURE, "JPEG")
    damaged = data[:2] + segment + data[2:]
    assert not is_plain_image(damaged, 10**6)
    dataset = folder_of(tmp_path, [damaged], [encoded(LABEL)])
    images, _ = read_all(dataset)
    np.testing.assert_array_equal(images[0], dataset[0][0])
