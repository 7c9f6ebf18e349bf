import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.export import export_saved_model
from keras_seg.inference import multi_scale, prediction_model, sliding_window
from keras_seg.models import inference_model
from keras_seg.wrappers.views import MultiScale
from tests.models.networks import randomize, tiny_dsrl, tiny_hanet, tiny_spnet
from tests.ops.references import resize_bilinear


def images(height, width, batch=2):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (batch, height, width, 3)).astype("float32")


def sees_its_left():
    """Logits from each pixel and its neighbor on the left: mirrors can be told."""
    image = keras.Input((None, None, 3))
    convolution = keras.layers.Conv2D(4, (1, 2), padding="same")
    model = keras.Model(image, convolution(image / 255))
    rng = np.random.default_rng(1)
    convolution.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def averaged(network, batch, scales, flip, larger=1):
    """Probabilities of all views, one by one."""
    height, width = batch.shape[1:3]
    sides_out = larger * height, larger * width
    total = []
    for scale in scales:
        sides = round(scale * height), round(scale * width)
        seen = resize_bilinear(batch, sides, align_corners=False)
        for step in (1, -1) if flip else (1,):
            logits = network(seen[:, :, ::step].astype("float32"))[:, :, ::step]
            logits = resize_bilinear(np.array(logits), sides_out, align_corners=False)
            powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
            total.append(powers / powers.sum(axis=-1, keepdims=True))
    return np.mean(total, axis=0)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 1.75), (0.3,)])
@pytest.mark.parametrize("size", [(23, 31), (8, 12)])
def test_averages_the_probabilities_of_all_views(size, scales, flip):
    network = sees_its_left()
    model = multi_scale(network, scales, flip)
    result = tf.nn.softmax(model(images(*size)))
    expected = averaged(network, images(*size), scales, flip)
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_one_view_is_the_plain_prediction():
    network = tiny_spnet(auxiliary_head=True)
    expected = inference_model(network)(images(32, 48))
    result = multi_scale(network, (1.0,), flip=False)(images(32, 48))
    np.testing.assert_array_equal(result, expected)


def test_logits_may_be_larger_than_the_images():
    network = inference_model(tiny_dsrl(3))
    model = multi_scale(tiny_dsrl(3), (0.5, 1.0))
    model.layers[-1].network.set_weights(network.get_weights())
    expected = averaged(network, images(32, 48), (0.5, 1.0), True, larger=2)
    assert model.compute_output_shape((2, 32, 48, 3)) == (2, 64, 96, 3)
    result = tf.nn.softmax(model(images(32, 48)))
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_each_view_of_a_hanet_is_a_whole_image():
    network = randomize(tiny_hanet(positions=True))
    plain = inference_model(network)
    expected = averaged(plain, images(32, 48), (0.5, 1.5), True)
    result = tf.nn.softmax(multi_scale(network, (0.5, 1.5))(images(32, 48)))
    np.testing.assert_allclose(result, expected, atol=1e-4)


def test_of_windows_saved_and_exported(tmp_path):
    """All in one graph, with one trace for images of all sizes."""
    windows = sliding_window(sees_its_left(), (32, 48))
    model = multi_scale(windows, (0.75, 1.25))
    model.save(tmp_path / "model.keras")
    path = export_saved_model(model, tmp_path / "1")
    served = tf.saved_model.load(str(path)).signatures["probabilities"]
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for size in ((40, 80), (71, 50)):
        batch = images(*size).astype("uint8")
        expected = averaged(windows, batch, (0.75, 1.25), True)
        result = served(images=tf.constant(batch))["probabilities"]
        np.testing.assert_allclose(result, expected, atol=1e-5)
        result = tf.nn.softmax(loaded(batch.astype("float32")))
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_no_probability_is_too_small_for_a_logarithm():
    image = keras.Input((None, None, 3))
    steep = keras.Model(image, image * 1e4)
    result = multi_scale(steep, (1.0, 2.0))(images(4, 5))
    assert np.isfinite(result).all()


def test_half_precision_averages_in_float32():
    image = keras.Input((None, None, 3))
    halves = keras.layers.Rescaling(1 / 255, dtype="mixed_float16")(image)
    model = multi_scale(keras.Model(image, halves), (1.0, 1.5))
    assert model(images(6, 7)).dtype == "float32"


@pytest.mark.parametrize(
    "scales",
    [(), (0,), (1, -2), (math.nan,), (1, math.inf), 1.5, None, "15", ["a"]],
)
def test_rejects_bad_scales(scales):
    with pytest.raises(ValueError, match="Received: scales="):
        MultiScale(sees_its_left(), scales)
    with pytest.raises(ValueError, match="Received: scales="):
        prediction_model(sees_its_left(), scales=scales)


def test_a_network_for_one_size_needs_windows():
    image = keras.Input((8, 12, 3))
    network = keras.Model(image, image * 2)
    with pytest.raises(ValueError, match="sliding_window"):
        multi_scale(network, (1.0, 2.0))
    model = multi_scale(sliding_window(network, (8, 12)), (1.0, 2.0))
    assert model(images(9, 30)).shape == (2, 9, 30, 3)
