import numpy as np
import pytest
from PIL import Image

from keras_seg.data import LabelledFiles
from tests.data.pictures import write_png
from tests.data.published import write_image, write_label

NAMES = ("road", "car")
LABEL = np.array([[7, 26, 255]] * 2)


@pytest.fixture
def pair(tmp_path):
    image, label = tmp_path / "picture.jpg", tmp_path / "elsewhere" / "classes.png"
    write_image(image, LABEL.shape)
    write_label(label, LABEL)
    return image, label


def test_reads_the_files_that_are_given(pair):
    dataset = LabelledFiles([pair, pair], NAMES, label_map={7: 0, 26: 1})
    image, label = dataset[1]
    assert len(dataset) == 2 and image.shape == (2, 3, 3)
    np.testing.assert_array_equal(label, [[0, 1, 255]] * 2)
    assert dataset.image_paths == [pair[0]] * 2
    assert dataset.label_paths == [pair[1]] * 2
    zipped = LabelledFiles(zip(*[[path] for path in pair], strict=True), NAMES)
    assert zipped.label_paths == [pair[1]]


@pytest.mark.parametrize(("void", "dtype"), [(255, np.uint8), (300, np.int32)])
def test_an_image_without_label_is_void(pair, void, dtype):
    _, label = LabelledFiles([(pair[0], None)], NAMES, ignore_class=void)[0]
    assert label.shape == (2, 3) and label.dtype == dtype and (label == void).all()


def test_files_are_first_looked_at_when_they_are_read(pair, tmp_path):
    dataset = LabelledFiles([pair, (tmp_path / "no.png", None)], NAMES)
    with pytest.raises(FileNotFoundError, match="no.png"):
        dataset[1]
    write_label(pair[1], LABEL[:, :2])
    with pytest.raises(ValueError, match="picture.jpg of 3x2 and .*classes.png of 2x2"):
        dataset[0]
    Image.fromarray(np.zeros((2, 3, 3), "uint8")).save(pair[1])
    with pytest.raises(ValueError, match="classes.png holds colors"):
        dataset[0]


def test_images_of_more_bits_than_the_first(pair, tmp_path):
    deep = tmp_path / "deep.png"
    write_png(deep, np.zeros((2, 3, 3)), 16, 2)
    with pytest.raises(ValueError, match="deep.png of 16 bits, and the first one of 8"):
        LabelledFiles([pair, (deep, None)], NAMES)[1]
    assert LabelledFiles([(deep, None), pair], NAMES).image_dtype == "float32"


def test_a_label_needs_a_file_without_loss(pair):
    with pytest.raises(ValueError, match="JPEG and WebP change"):
        LabelledFiles([(pair[0], pair[0])], NAMES).check_headers(0)
