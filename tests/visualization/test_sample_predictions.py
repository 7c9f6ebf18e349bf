import keras
import numpy as np
import pytest
from PIL import Image

from keras_seg.inference import predict
from keras_seg.visualization import (
    ValidationPictures,
    comparison,
    sample_predictions,
)
from tests.models.networks import cheap_deeplab


class Images:
    """Five images of sizes of their own, each of one color and one class."""

    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], "uint8")
    class_names = ("a", "b", "c")

    def __len__(self):
        return 5

    def __getitem__(self, index):
        size = 32 + 8 * index, 48
        image = np.full((*size, 3), 50 * index, "uint8")
        return image, np.full(size, index % 3, "int32")


def test_images_are_taken_evenly_and_have_the_size_of_the_first():
    data, model = Images(), cheap_deeplab()
    images, labels, classes = [], [], []
    for index in (0, 2, 4):
        image, label = data[index]
        maps = predict(model, image)
        picture = Image.fromarray(maps).resize((48, 32), Image.Resampling.NEAREST)
        images.append(np.full((32, 48, 3), 50 * index))
        labels.append(np.full((32, 48), index % 3))
        classes.append(np.asarray(picture))
    expected = comparison(images, labels, classes, data.palette, data.class_names)
    found = sample_predictions(model, data, count=3)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("channels, shown", [(1, [0, 0, 0]), (5, [0, 1, 2])])
def test_images_of_other_channels_and_dark_ones(channels, shown, dtype, tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 1, (32, 48, channels)).round(1).astype(dtype)
    label = np.zeros((32, 48), "int32")
    image = keras.Input((None, None, channels))
    model = keras.Model(image, keras.layers.Conv2D(3, 1)(image))

    class One(Images):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return pixels, label

    found = sample_predictions(model, One())
    rgb = np.rint(pixels[..., shown]).astype("uint8")
    classes = predict(model, pixels, value_range=255)
    expected = comparison([rgb], [label], [classes], One.palette, One.class_names)
    np.testing.assert_array_equal(found, expected)
    samples = [(pixels, label)]
    pictures = ValidationPictures(tmp_path, samples, One.palette, One.class_names)
    pictures.set_model(model)
    pictures.on_train_begin()
    pictures.on_epoch_end(0)
    pictures.on_train_end()
    assert len([*tmp_path.iterdir()]) == 1


def test_few_images_are_all_drawn():
    data, model = Images(), cheap_deeplab()
    all_of_them = sample_predictions(model, data, count=5)
    np.testing.assert_array_equal(sample_predictions(model, data, 9), all_of_them)


def test_there_must_be_images():
    class Empty(Images):
        def __len__(self):
            return 0

    with pytest.raises(ValueError, match="`count` must be a positive integer"):
        sample_predictions(None, Images(), count=0)
    with pytest.raises(ValueError, match="`data_set` must have at least one image"):
        sample_predictions(None, Empty())
