import keras
import numpy as np
import pytest
from PIL import Image

from keras_seg.data import low_resolution
from keras_seg.inference import (
    multi_scale,
    predict,
    prediction_model,
    predictor,
    sliding_window,
)
from keras_seg.layers import (
    BilinearUpsample,
    ConvNorm,
    NetworkOutput,
    ResizeLike,
    SeparableConvNorm,
)
from keras_seg.models import inference_model
from keras_seg.models.logits_of_probabilities import with_logits
from tests.data.pictures import write_png
from tests.inference.test_multi_scale import sees_its_left
from tests.models.networks import tiny_dsrl, tiny_hanet, tiny_spnet


def image(height=32, width=48, seed=0):
    """Smooth, so that a JPEG and scales keep most of it."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (4, 6, 3), "uint8")
    return np.array(Image.fromarray(blocks).resize((width, height), Image.BILINEAR))


def brightest(*, size=(None, None), channels=3):
    """The class of a pixel is its brightest channel."""
    pixels = keras.Input((*size, channels))
    return keras.Model(pixels, 1.0 * pixels)


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (1, 1), (5, 90)])
def test_is_the_largest_logit_at_the_images_size(size):
    model = tiny_spnet(auxiliary_head=True)
    pixels = image(*size)
    logits = inference_model(model)(pixels[None].astype("float32"))
    classes = predict(model, pixels)
    assert classes.dtype == "uint8"
    np.testing.assert_array_equal(classes, np.argmax(logits, axis=-1)[0])


def test_one_or_many_arrays_or_files_of_different_sizes(tmp_path):
    sizes = (20, 30), (31, 17), (20, 30)
    pixels = [image(*size, seed=i) for i, size in enumerate(sizes)]
    expected = [x.argmax(axis=-1) for x in pixels]
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for path, array in zip(paths, pixels, strict=True):
        Image.fromarray(array).save(path)
    several = predict(brightest(), [pixels[0], paths[1], str(paths[2])])
    assert isinstance(several, list)
    for found, classes in zip(several, expected, strict=True):
        np.testing.assert_array_equal(found, classes)
    np.testing.assert_array_equal(predict(brightest(), paths[1]), expected[1])
    np.testing.assert_array_equal(predict(brightest(), str(paths[1])), expected[1])
    np.testing.assert_array_equal(
        predict(brightest(), np.stack([pixels[0], pixels[2]])),
        [expected[0], expected[2]],
    )


def test_photographs_are_turned_as_the_camera_noted(tmp_path):
    pixels = image(20, 30)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    expected = np.rot90(pixels, -1).argmax(axis=-1)
    assert expected.shape == (30, 20)
    np.testing.assert_array_equal(predict(brightest(), tmp_path / "a.png"), expected)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_files_of_all_kinds_become_rgb(mode, tmp_path):
    Image.fromarray(image()).convert(mode).save(tmp_path / "a.tiff")
    with Image.open(tmp_path / "a.tiff") as file:
        expected = np.array(file.convert("RGB")).argmax(axis=-1)
    np.testing.assert_array_equal(predict(brightest(), tmp_path / "a.tiff"), expected)


def test_windows_scales_and_mirrors():
    model = sees_its_left()
    pixels = image(50, 70)
    options = {"window": (32, 48), "overlap": 0.5, "blending": "mean"}
    network = multi_scale(sliding_window(model, **options), (0.75, 1.0), flip=True)
    expected = np.argmax(network(pixels[None].astype("float32")), axis=-1)[0]
    found = predict(model, pixels, **options, scales=(0.75, 1.0), flip=True)
    np.testing.assert_array_equal(found, expected)
    assert (found != predict(model, pixels)).any()


@pytest.mark.parametrize("size", [(32, 48), (33, 49)])
def test_images_for_a_dsrl_are_reduced_as_in_training(size):
    model = tiny_dsrl(3)
    pixels = image(*size)
    whole = np.pad(pixels, ((0, size[0] % 2), (0, size[1] % 2), (0, 0)), mode="edge")
    reduced = low_resolution(whole[None].astype("float32"), 2)
    expected = np.argmax(inference_model(model)(reduced), axis=-1)[0]
    found = predict(model, pixels)
    assert found.shape == size
    np.testing.assert_array_equal(found, expected[: size[0], : size[1]])


def test_what_is_added_to_reduce_an_image_repeats_its_border():
    pixels = keras.Input((None, None, 3))
    dark = keras.layers.Concatenate()([pixels, 0 * pixels[..., :1] + 100])
    model = keras.Model(pixels, keras.layers.UpSampling2D(2)(dark))
    assert not predict(model, np.full((5, 7, 3), 150)).any()


def test_positions_are_those_of_whole_images():
    model = tiny_hanet(positions=True)
    pixels = image()
    logits = inference_model(model)(pixels[None].astype("float32"))
    np.testing.assert_array_equal(predict(model, pixels), np.argmax(logits, -1)[0])


def test_a_model_for_one_size_sees_windows_of_it():
    pixels = image(30, 50)
    found = predict(brightest(size=(16, 24)), pixels)
    np.testing.assert_array_equal(found, pixels.argmax(axis=-1))


def test_above_256_classes_maps_are_int32():
    pixels = keras.Input((None, None, 3))
    many = keras.layers.Conv2D(300, 1)(pixels)
    assert predict(keras.Model(pixels, many), image()).dtype == "int32"


def test_images_of_other_channels(tmp_path):
    model = brightest(channels=4)
    pixels = np.random.default_rng(0).uniform(0, 255, (7, 9, 4)).astype("float32")
    np.testing.assert_array_equal(predict(model, pixels), pixels.argmax(axis=-1))
    Image.fromarray(pixels.astype("uint8")).save(tmp_path / "a.png")
    expected = pixels.astype("uint8").argmax(axis=-1)
    np.testing.assert_array_equal(predict(model, tmp_path / "a.png"), expected)
    Image.fromarray(image()).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="must have 4 channels. Received: .*a.png"):
        predict(model, tmp_path / "a.png")


def test_images_of_every_form(tmp_path):
    model = brightest()
    pixels = image()
    expected = pixels.argmax(axis=-1)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    opaque = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)
    for form in (
        Image.fromarray(pixels),
        (tmp_path / "a.png").read_bytes(),
        str(tmp_path / "a.png"),
        opaque,
        Image.fromarray(opaque),
    ):
        np.testing.assert_array_equal(predict(model, form), expected)
        np.testing.assert_array_equal(predict(model, [form])[0], expected)
    np.testing.assert_array_equal(predict(model, pixels[..., 0]), 0)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros(9), r"\(height, width, 3\)"),
        (np.zeros((7, 9, 5)), "must have 3 channels"),
        (np.zeros((0, 9, 3)), r"\(height, width, 3\)"),
        (np.full((7, 9, 3), 300), "0..255"),
        (np.full((7, 9, 3), -1.0), "0..255"),
        (np.full((7, 9, 3), np.nan), "0..255"),
        (np.full((7, 9, 3), 0.5), "multiply by 255"),
    ],
)
def test_rejects_what_is_no_image(pixels, words):
    with pytest.raises(ValueError, match=words):
        predict(brightest(), pixels)


def test_rejects_other_objects():
    with pytest.raises(TypeError, match="An image must be a path.*Received: NoneType"):
        predict(brightest(), None)


def test_rejects_files_that_are_no_images(tmp_path):
    label_map = predictor(brightest())
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(ValueError, match="Cannot read .*text.png"):
        label_map(tmp_path / "text.png")
    Image.fromarray(image(64, 64)).save(tmp_path / "whole.jpg")
    half = (tmp_path / "whole.jpg").read_bytes()[:600]
    (tmp_path / "half.jpg").write_bytes(half)
    with pytest.raises(ValueError, match="Cannot read .*half.jpg"):
        label_map(tmp_path / "half.jpg")
    with pytest.raises(FileNotFoundError):
        label_map(tmp_path / "none.png")


def test_probabilities(tmp_path):
    pixels = image(20, 30) / 64
    expected = np.exp(pixels) / np.exp(pixels).sum(axis=-1, keepdims=True)
    classes, probabilities = predict(brightest(), pixels, return_probabilities=True)
    np.testing.assert_array_equal(classes, pixels.argmax(axis=-1))
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    ((_, again),) = predict(brightest(), [pixels], return_probabilities=True)
    np.testing.assert_array_equal(again, probabilities)


def test_one_logit_has_the_probability_of_the_class():
    pixels = keras.Input((None, None, 1))
    model = keras.Model(pixels, pixels / 64 - 2.0)
    values = np.arange(12.0).reshape(3, 4) * 20
    classes, probabilities = predict(model, values, return_probabilities=True)
    np.testing.assert_array_equal(classes, values > 128)
    expected = 1 / (1 + np.exp(2 - values / 64))
    np.testing.assert_allclose(probabilities[..., 0], expected, atol=1e-5)


def plain_keras(last, filters):
    """A network that a user built with Keras alone, as a Sequential."""
    keras.utils.set_random_seed(1)
    start = keras.Input((None, None, 3)), keras.layers.Rescaling(1 / 60, -2)
    convolution = keras.layers.Conv2D(filters, 3, padding="same", name="convolution")
    return keras.Sequential([*start, convolution, *last])


@pytest.mark.parametrize(
    "last",
    [
        [],
        [keras.layers.Activation("softmax")],
        [keras.layers.Softmax()],
        [keras.layers.Conv2D(3, 1, activation="softmax")],
    ],
)
def test_networks_of_keras_alone(last):
    model, pixels = plain_keras(last, 3), image(20, 30)
    x = model(pixels[None].astype("float32"))
    expected = keras.ops.convert_to_numpy(x)[0]
    classes, probabilities = predict(model, pixels, return_probabilities=True)
    np.testing.assert_array_equal(classes, expected.argmax(axis=-1))
    if last:  # they are not taken for logits once more
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.keras3("operations of keras.ops in a model")
@pytest.mark.parametrize("name", ["softmax", "sigmoid", "none"])
def test_activations_that_are_no_last_layers(name):
    """As an operation, inside of other models, and with a cast after it."""
    start = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 60, -2)(start)
    x = keras.layers.Conv2D(3 if name == "softmax" else 1, 3, padding="same")(x)
    activate = getattr(keras.ops, name, keras.ops.add)
    y = activate(x, x) if name == "none" else activate(x)
    inner = keras.Model(start, y)
    cast = keras.layers.Activation("linear", dtype="float32")(y)
    resized = BilinearUpsample(1)(ResizeLike(True)([cast, start]))
    several = keras.Model(start, {"a": x, "b": y})
    pixels = image(20, 30)
    for model in (
        inner,
        keras.Model(start, keras.layers.UpSampling2D(1)(cast)),
        keras.Model(start, NetworkOutput()(resized)),
        keras.Sequential([keras.Input((None, None, 3)), keras.Sequential([inner])]),
        keras.Sequential([inner, keras.layers.Dropout(0.1)]),
        keras.Model(start, keras.layers.Dropout(0.1)(inputs=y)),
        keras.Model(start, several(start)["b"]),
    ):
        found = model(pixels[None].astype("float32"))
        if name == "none":  # logits
            found = keras.ops.sigmoid(found)
        expected = keras.ops.convert_to_numpy(found)[0]
        _, probabilities = predict(model, pixels, return_probabilities=True)
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("layer", [ConvNorm, SeparableConvNorm])
def test_a_sigmoid_of_this_packages_layers(layer):
    start = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 60, -2)(start)
    model = keras.Model(start, layer(1, 3, activation="sigmoid")(x))
    pixels = image(20, 30)
    found = model(pixels[None].astype("float32"))
    expected = keras.ops.convert_to_numpy(found)[0]
    classes, probabilities = predict(model, pixels, return_probabilities=True)
    np.testing.assert_array_equal(classes, expected[..., 0] > 0.5)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_an_activation_before_the_last_network_is_none():
    start = keras.Input((None, None, 3))
    gate = keras.layers.Conv2D(4, 1, activation="sigmoid")(start)
    head = keras.Sequential([keras.layers.Conv2D(1, 1), keras.layers.UpSampling2D(1)])
    model = keras.Model(start, head(gate))
    assert with_logits(model) is model


def test_a_sigmoid_of_one_class_and_of_several(tmp_path):
    pixels, last = image(20, 30), [keras.layers.Activation("sigmoid")]
    model = plain_keras(last, 1)
    x = model(pixels[None].astype("float32"))
    expected = keras.ops.convert_to_numpy(x)[0]
    classes, probabilities = predict(model, pixels, return_probabilities=True)
    np.testing.assert_array_equal(classes, expected[..., 0] > 0.5)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    prediction_model(model).save(tmp_path / "a.keras")
    again = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_array_equal(predict(again, pixels), classes)
    with pytest.raises(ValueError, match="2 classes have a sigmoid each"):
        predict(plain_keras(last, 2), pixels)


def test_images_of_12_bits(tmp_path):
    pixels = np.uint16(image(20, 30)) * 16
    write_png(tmp_path / "a.png", pixels, 16, 2)
    seen = keras.Input((None, None, 3))
    # Whether a pixel has more than 100 of red.
    model = keras.Model(seen, seen[..., :1] - 100.0)
    found = predict(model, tmp_path / "a.png", value_range=4095)
    np.testing.assert_array_equal(found, pixels[..., 0] / 4095 * 255 > 100)
    with pytest.raises(ValueError, match="larger `max_pixels`"):
        predict(model, tmp_path / "a.png", max_pixels=599)


def halved_and_doubled(*, with_skip):
    """A network that is one pixel off for odd sizes, as U-Nets often are."""
    pixels = keras.Input((None, None, 3))
    x = keras.layers.MaxPooling2D(2, padding="same")(pixels)
    x = keras.layers.UpSampling2D(2)(x)
    return keras.Model(pixels, keras.layers.Add()([x, pixels]) if with_skip else x)


@pytest.mark.parametrize(
    ("with_skip", "message"),
    [
        (False, "33 x 47 pixels. Received: 34 x 48"),
        (True, "an image of 33 x 47.*Incompatible"),
    ],
)
def test_a_size_that_the_network_cannot_take_is_an_error(with_skip, message):
    model = halved_and_doubled(with_skip=with_skip)
    assert predict(model, image(32, 48)).shape == (32, 48)
    with pytest.raises(ValueError, match=message):
        predict(model, image(33, 47))
