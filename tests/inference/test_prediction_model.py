"""The one way from a model to classes, by `predict`, by `evaluate` and saved."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.data import low_resolution
from keras_seg.inference import (
    class_map,
    evaluate,
    multi_scale,
    predict,
    prediction_model,
    probabilities,
    sliding_window,
)
from tests.models.networks import randomize, tiny_dsrl, tiny_hanet


def image(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3)).astype("float32")


def batches(images, labels):
    """One image after the other, of sizes that are known at run time only."""
    shapes = tf.TensorSpec((None, None, None, 3)), tf.TensorSpec((None,) * 3, "int32")
    samples = zip(images, labels, strict=True)
    pairs = [(x[None], y[None].astype("int32")) for x, y in samples]
    return tf.data.Dataset.from_generator(lambda: pairs, output_signature=shapes)


def agreement(model, images, labels, **options):
    """The share of pixels where `evaluate` finds the labels."""
    names = [f"class {i}" for i in range(max(model.output_shape[-1], 2))]
    options |= {"boundaries": False}
    result = evaluate(model, batches(images, labels), names, **options)
    return result["pixel_accuracy"]


def single(model):
    return keras.Model(model.input, model.output["segmentation"])


def fixed(height, width):
    """A network whose logits depend on where in its input a pixel is."""
    pixels = keras.Input((height, width, 3))
    rows = np.linspace(0, 255, height, dtype="float32")[:, None, None]
    return keras.Model(pixels, pixels + rows * np.array([1, 0, -1], "float32"))


def test_a_model_of_one_size_is_evaluated_as_it_predicts():
    model = fixed(16, 24)
    images = [image(30, 50), image(16, 24)]
    labels = [predict(model, x) for x in images]
    by_windows = sliding_window(model, (16, 24))(images[0][None])
    np.testing.assert_array_equal(labels[0], np.argmax(by_windows, axis=-1)[0])
    assert agreement(model, images, labels) == 1


@pytest.mark.parametrize("size", [(16, 24), (30, 50), (9, 13)])
def test_a_model_of_one_size_may_have_layers_that_need_it(size):
    pixels = keras.Input((16, 24, 3))
    x = keras.layers.MaxPooling2D(2)(pixels)
    x = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)
    classes = predict(keras.Model(pixels, x), image(*size))
    assert classes.shape == size


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_a_dsrl_is_evaluated_as_it_predicts(size):
    model = single(tiny_dsrl(3))
    pixels = image(*size)
    labels = predict(model, pixels)
    assert labels.shape == size
    assert agreement(model, [pixels], [labels]) == 1
    # Images that a pipeline reduced already are taken as they are.
    rows, columns = size[0] // 2, size[1] // 2
    reduced = low_resolution(pixels[None], 2)[0].numpy()
    expected = np.argmax(model(reduced[None]), axis=-1)[0]
    assert expected.shape == (2 * rows, 2 * columns)
    assert agreement(model, [reduced], [expected]) == 1
    if size == (32, 48):
        np.testing.assert_array_equal(labels, expected)


def test_views_are_evaluated_as_they_predict():
    model = tiny_hanet()
    pixels = image(50, 70)
    options = {"window": (32, 48), "scales": (0.75, 1.0), "flip": True}
    labels = predict(model, pixels, **options)
    assert agreement(model, [pixels], [labels], **options) == 1
    assert agreement(model, [pixels], [labels]) < 1


def test_windows_have_the_positions_of_their_rows():
    model = randomize(tiny_hanet(positions=True))
    pixels = image(96, 64)[None]
    found = prediction_model(model, window=(32, 64))(pixels)
    expected = sliding_window(model, (32, 64))(pixels)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    whole_images = sliding_window(prediction_model(model), (32, 64))(pixels)
    assert np.abs(whole_images - expected).max() > 1e-3


@pytest.mark.parametrize("size", [(None, None), (16, 24)])
@pytest.mark.parametrize("strides", [2, (1, 2)])
@pytest.mark.parametrize(
    "use",
    [
        prediction_model,
        lambda model: predict(model, image(16, 24)),
        lambda model: sliding_window(model, (8, 12)),
        lambda model: multi_scale(model, (1.0,)),
    ],
    ids=["prediction_model", "predict", "sliding_window", "multi_scale"],
)
def test_logits_of_other_sizes_are_rejected(use, strides, size):
    pixels = keras.Input((*size, 3))
    network = keras.Model(pixels, keras.layers.MaxPooling2D(strides)(pixels))
    with pytest.raises(ValueError, match="a whole number of times larger"):
        use(network)


def test_a_reducing_model_is_saved_with_all_that_it_does(tmp_path):
    model = prediction_model(tiny_dsrl(3))
    pixels = image(33, 47)[None]
    expected = model(pixels)
    assert expected.shape == (1, 33, 47, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(pixels), expected, atol=1e-5)


class TestOneLogit:
    """A binary model: class 1 where the sigmoid is above one half."""

    @staticmethod
    def model():
        pixels = keras.Input((None, None, 3))
        logits = keras.layers.Conv2D(1, (1, 2), padding="same")
        model = keras.Model(pixels, logits(pixels / 255))
        kernel = np.array([[[1.0], [2], [-4]], [[3], [-1], [-2]]])
        logits.set_weights([kernel[None], np.array([0.2])])
        return model

    def test_classes_are_those_of_the_sign(self):
        model, pixels = self.model(), image(20, 30)
        logits = np.array(model(pixels[None]))[0, ..., 0]
        classes = predict(model, pixels)
        assert classes.dtype == "uint8" and 0 < classes.mean() < 1
        np.testing.assert_array_equal(classes, logits > 0)
        assert agreement(model, [pixels], [classes]) == 1

    def test_views_average_the_sigmoids(self):
        model, pixels = self.model(), image(20, 30)[None]
        both = [np.array(model(pixels)), np.array(model(pixels[:, :, ::-1]))]
        mean = sum(1 / (1 + np.exp(-x)) for x in (both[0], both[1][:, :, ::-1])) / 2
        logits = multi_scale(model, (1.0,), flip=True)(pixels)
        np.testing.assert_allclose(probabilities(logits), mean, atol=1e-5)
        np.testing.assert_array_equal(class_map(logits), mean[..., 0] > 0.5)


@pytest.mark.parametrize(("classes", "dtype"), [(2, "uint8"), (256, "uint8")])
def test_class_maps_are_bytes_up_to_256_classes(classes, dtype):
    logits = np.random.default_rng(0).normal(size=(2, 3, 4, classes)).astype("float32")
    found = keras.ops.convert_to_numpy(class_map(keras.ops.array(logits)))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, logits.argmax(axis=-1))


def test_above_256_classes_class_maps_are_int32():
    logits = np.zeros((1, 1, 2, 257), "float32")
    logits[..., 256] = 1
    found = keras.ops.convert_to_numpy(class_map(keras.ops.array(logits)))
    assert found.dtype == "int32" and found.tolist() == [[[256, 256]]]


class Subclassed(keras.Model):
    def call(self, images):
        return images


def test_models_that_cannot_be_looked_into_are_told_so():
    with pytest.raises(TypeError, match="functional keras.Model.*Subclassed.*Wrap"):
        predict(Subclassed(), image(4, 4))
    first, second = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    model = keras.Model([first, second], first + second)
    with pytest.raises(ValueError, match="The model must take images"):
        predict(model, image(4, 4))


@pytest.mark.parametrize("options", [{}, {"window": (16, 24)}, {"scales": (0.5, 1)}])
def test_bilinear_upsampling_works_for_any_size(options):
    pixels = keras.Input((None, None, 3))
    double = keras.layers.UpSampling2D(2, interpolation="bilinear")
    x = keras.layers.AveragePooling2D(4)(pixels)
    model = keras.Model(pixels, double(double(x)))  # a layer that is called twice
    images = [image(32, 48), image(16, 24)]
    labels = [predict(model, x, **options) for x in images]
    if not options:
        for found, given in zip(labels, images, strict=True):
            expected = np.argmax(model(given[None].astype("float32")), axis=-1)[0]
            np.testing.assert_array_equal(found, expected)
    assert agreement(model, images, labels, **options) == 1


WRAPPERS = [lambda x: multi_scale(x, (1.0,)), lambda x: sliding_window(x, (4, 5))]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_wrappers_support_bilinear_upsampling_in_a_graph(wrap):
    pixels = keras.Input((None, None, 3))
    x = keras.layers.MaxPooling2D(1)(pixels)
    x = keras.layers.UpSampling2D(1, interpolation="bilinear")(x)
    model = wrap(keras.Model(pixels, x))
    images = np.eye(3, dtype="float32")[np.arange(42).reshape(1, 6, 7) % 3]
    predict = tf.function(model, input_signature=[tf.TensorSpec((1, None, None, 3))])
    np.testing.assert_array_equal(np.argmax(predict(images), -1), images.argmax(-1))


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_images_keep_their_values_under_a_mixed_policy(wrap):
    """Half precision would round values near 200 to eighths."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        pixels = keras.Input((None, None, 3), dtype="float32")
        network = keras.Model(
            pixels, keras.layers.Activation("linear", dtype="float32")(pixels)
        )
        model = wrap(network)
    finally:
        keras.config.set_dtype_policy(policy)
    images = np.random.default_rng(0).uniform(200, 204, (1, 6, 7, 3)).astype("float32")
    expected, found = keras.ops.softmax(images), keras.ops.softmax(model(images))
    np.testing.assert_allclose(found, expected, atol=1e-5)
