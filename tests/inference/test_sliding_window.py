import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.export import export_saved_model
from keras_seg.inference import sliding_window
from keras_seg.layers import NetworkInput
from keras_seg.models import inference_model
from keras_seg.ops import row_positions
from keras_seg.wrappers.windows import SlidingWindow
from tests.models.networks import SIZE, randomize, tiny_cpnet, tiny_hanet


def images(height, width, batch=2):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (batch, height, width, 3)).astype("float32")


def mean_of_window():
    """Each pixel is told its window's mean, so that windows can be told apart."""
    image = keras.Input((None, None, 3))
    mean = keras.ops.mean(image, axis=(1, 2), keepdims=True)
    return keras.Model(image, 0 * image + mean)


def starts(size, window, overlap):
    """As few windows as have the overlap, evenly from edge to edge."""
    step = max(int(window * (1 - overlap)), 1)
    for gaps in itertools.count():
        first = [(size - window) * k // max(gaps, 1) for k in range(gaps + 1)]
        if first[-1] == size - window and all(np.diff(first) <= step):
            return first


def blended(network, batch, window, overlap, weigh, scale=1):
    """Sliding windows by loops in float64, of logits `scale` times as large."""
    height, width = batch.shape[1:3]
    rows, columns = min(window[0], height), min(window[1], width)
    weights = np.multiply.outer(weigh(scale * rows), weigh(scale * columns))[..., None]
    total, count = 0, np.zeros((scale * height, scale * width, 1))
    for top in starts(height, rows, overlap):
        for left in starts(width, columns, overlap):
            place = np.s_[top : top + rows, left : left + columns]
            logits = network(batch[:, place[0], place[1]], top)
            place = tuple(slice(scale * s.start, scale * s.stop) for s in place)
            whole = np.zeros((len(batch), *count.shape[:2], logits.shape[-1]))
            whole[:, place[0], place[1]] = logits * weights
            total = total + whole
            count[place] += weights
    return total / count


def gaussian(size):
    places = np.arange(size) - (size - 1) / 2
    return np.exp(-(places**2) / (2 * (size / 8) ** 2))


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("overlap", [0, 0.4, 0.9])
@pytest.mark.parametrize("size", [(23, 31), (8, 12), (5, 40), (20, 7), (9, 13)])
@pytest.mark.parametrize("blending", ["mean", "gaussian"])
def test_windows_cover_the_image_and_are_blended(size, overlap, blending, batch_size):
    model = sliding_window(
        mean_of_window(),
        (8, 12),
        overlap=overlap,
        blending=blending,
        batch_size=batch_size,
    )

    def network(crop, top):
        return np.broadcast_to(crop.mean(axis=(1, 2), keepdims=True), crop.shape)

    weigh = np.ones if blending == "mean" else gaussian
    expected = blended(network, images(*size), (8, 12), overlap, weigh)
    np.testing.assert_allclose(model(images(*size)), expected, rtol=2e-5)


@pytest.mark.parametrize("size", [(23, 31), (5, 40), (9, 13)])
def test_logits_may_be_larger_than_the_windows(size):
    """As of DSRL: each pixel and its window's mean, three times in both directions."""
    image = keras.Input((None, None, 3))
    mean = keras.ops.mean(image, axis=(1, 2), keepdims=True)
    larger = keras.layers.UpSampling2D(3)(image + mean)
    model = sliding_window(keras.Model(image, larger), (8, 12), batch_size=2)

    def network(crop, top):
        mean = crop.mean(axis=(1, 2), keepdims=True)
        return (crop + mean).repeat(3, axis=1).repeat(3, axis=2)

    expected = blended(network, images(*size), (8, 12), 1 / 3, gaussian, scale=3)
    np.testing.assert_allclose(model(images(*size)), expected, rtol=2e-5)
    assert model.compute_output_shape((2, *size, 3)) == expected.shape


@pytest.mark.parametrize("blending", ["mean", "gaussian"])
@pytest.mark.parametrize("window", [(32, 48), (100, 100)])
def test_one_window_is_the_plain_prediction(window, blending):
    network = tiny_cpnet(auxiliary_head=True)
    expected = inference_model(network)(images(32, 48))
    model = sliding_window(network, window, blending=blending)
    result = model(images(32, 48))
    assert model.output_shape == (None, None, None, 3)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_a_network_for_one_size_works_at_it():
    """Its windows have the size of the prior: none is resized."""
    network = tiny_cpnet(prior_size=SIZE)
    plain = inference_model(network)
    model = sliding_window(network, (32, 48), blending="mean", batch_size=3)
    expected = blended(
        lambda x, top: plain(x).numpy(), images(50, 70), (32, 48), 1 / 3, np.ones
    )
    np.testing.assert_allclose(
        model.predict(images(50, 70), verbose=0), expected, atol=1e-5
    )


def test_windows_have_their_positions():
    network = randomize(tiny_hanet(positions=True))

    def plain(crop, top):
        rows = np.arange(top, top + crop.shape[1], dtype="int32")
        rows = row_positions(np.tile(rows, (len(crop), 1)), 64)
        return network([crop, rows]).numpy()

    # Three windows at once are of two rows of windows.
    model = sliding_window(network, (32, 32), batch_size=3)
    expected = blended(plain, images(64, 48), (32, 32), 1 / 3, gaussian)
    np.testing.assert_allclose(model(images(64, 48)), expected, atol=1e-4)


def test_positions_are_known_by_their_mark():
    pixels = keras.Input((None, None, 3))
    rows = keras.Input((None,), dtype="int32", name="rows")
    places = keras.ops.cast(NetworkInput("positions")(rows), "float32")
    network = keras.Model([pixels, rows], 0 * pixels + places[:, :, None, None])
    result = sliding_window(network, (32, 8))(images(64, 8))
    expected = row_positions(np.arange(64)[None], 64)[:, :, None, None]
    np.testing.assert_allclose(result, np.tile(expected, (2, 1, 8, 3)), rtol=1e-5)


def test_saved_and_exported(tmp_path):
    model = sliding_window(tiny_cpnet(), (32, 48), overlap=0.5)
    batch = images(40, 80).astype("uint8")
    expected = model(batch.astype("float32"))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(batch.astype("float32")), expected, atol=1e-5)
    path = export_saved_model(model, tmp_path / "1")
    served = tf.saved_model.load(str(path)).signatures["probabilities"]
    result = served(images=tf.constant(batch))["probabilities"]
    np.testing.assert_allclose(result, tf.nn.softmax(expected), atol=1e-5)


@pytest.mark.parametrize("size", [(23, 31), (5, 40), (3, 7)])
def test_smaller_images_are_padded_to_a_fixed_size(size):
    image = keras.Input((8, 12, 3))
    mean = keras.ops.mean(image, axis=(1, 2), keepdims=True)
    larger = keras.layers.UpSampling2D(2)(image + mean)
    model = sliding_window(keras.Model(image, larger), (8, 12))

    def network(crop, top):
        mean = crop.mean(axis=(1, 2), keepdims=True)
        return (crop + mean).repeat(2, axis=1).repeat(2, axis=2)

    height, width = size
    missing = [(0, max(8 - height, 0)), (0, max(12 - width, 0))]
    padded = np.pad(images(*size), [(0, 0), *missing, (0, 0)], mode="edge")
    expected = blended(network, padded, (8, 12), 1 / 3, gaussian, scale=2)
    expected = expected[:, : 2 * height, : 2 * width]
    np.testing.assert_allclose(model(images(*size)), expected, rtol=2e-5)


def test_rows_of_padding_have_the_position_of_the_last_row():
    pixels = keras.Input((8, 4, 3))
    rows = keras.Input((8,), dtype="int32", name="rows")
    places = keras.ops.cast(NetworkInput("positions")(rows), "float32")
    mean = keras.ops.mean(places, axis=1)[:, None, None, None]
    network = keras.Model([pixels, rows], 0 * pixels + mean)
    result = sliding_window(network, (8, 4))(images(5, 4))
    expected = row_positions(np.array([0, 1, 2, 3, 4, 4, 4, 4]), 5).mean()
    np.testing.assert_allclose(result, np.full((2, 5, 4, 3), expected), rtol=1e-5)


@pytest.mark.parametrize("size", [(8, 12), (None, 12)])
def test_windows_have_the_fixed_size(size):
    image = keras.Input((*size, 3))
    with pytest.raises(ValueError, match=r"fixed input size.*window=\(8, 16\)"):
        sliding_window(keras.Model(image, 1.0 * image), (8, 16))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": (8, 0)}, "window"),
        ({"overlap": 1}, "overlap"),
        ({"overlap": None}, "`overlap` must be at least 0"),
        ({"overlap": "half"}, "`overlap` must be at least 0"),
        ({"blending": "hann"}, "blending"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_bad_arguments(options, words):
    with pytest.raises(ValueError, match=words):
        SlidingWindow(mean_of_window(), **{"window": (8, 8)} | options)
