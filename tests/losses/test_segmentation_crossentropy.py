import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import SegmentationCrossentropy
from tests.losses.references import crossentropy


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], size=(4, 5, 6), p=[0.3, 0.3, 0.1, 0.3])
    labels[1] = 255  # an image without a valid pixel
    return labels, rng.normal(size=(4, 5, 6, 3)).astype("float32") * 3


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_is_the_mean_over_valid_pixels(batch, dtype):
    labels, logits = batch
    result = SegmentationCrossentropy()(labels.astype(dtype), logits)
    np.testing.assert_allclose(float(result), crossentropy(labels, logits), rtol=1e-5)


def test_options(batch):
    labels, logits = batch
    weights = [0.5, 2.0, 4.0]
    loss = SegmentationCrossentropy(class_weights=weights, label_smoothing=0.1)
    expected = crossentropy(labels, logits, (255,), weights, 0.1)
    np.testing.assert_allclose(float(loss(labels, logits)), expected, rtol=1e-5)
    everything = np.where(labels == 255, 2, labels)
    result = SegmentationCrossentropy(ignore_class=None)(everything, logits)
    expected = crossentropy(everything, logits, ())
    np.testing.assert_allclose(float(result), expected, rtol=1e-5)


def test_class_weights_of_numpy_as_frequencies_give_them(batch):
    labels, logits = batch
    weights = 1 / np.bincount(labels[labels != 255]) * 30
    loss = SegmentationCrossentropy(class_weights=weights)
    expected = crossentropy(labels, logits, (255,), weights)
    np.testing.assert_allclose(float(loss(labels, logits)), expected, rtol=1e-5)
    assert loss.get_config()["class_weights"] == weights.tolist()


def test_a_class_of_weight_0_is_ignored(batch):
    labels, logits = batch
    result = SegmentationCrossentropy(class_weights=[1, 1, 0])(labels, logits)
    expected = crossentropy(labels, logits, (255, 2))
    np.testing.assert_allclose(float(result), expected, rtol=1e-5)


@pytest.mark.parametrize("smoothing", [0.05, 0.5])
def test_labels_are_smoothed_as_by_keras(batch, smoothing):
    """Keras smooths only one-hot labels, none of which may be ignored."""
    labels, logits = batch
    labels = labels % 3
    keras_loss = keras.losses.CategoricalCrossentropy(True, label_smoothing=smoothing)
    expected = keras_loss(keras.ops.one_hot(labels, 3), logits)
    result = SegmentationCrossentropy(label_smoothing=smoothing)(labels, logits)
    np.testing.assert_allclose(float(result), float(expected), rtol=1e-5)


def test_sample_weights_leave_images_out(batch):
    labels, logits = batch
    result = SegmentationCrossentropy()(labels, logits, sample_weight=[1, 0, 0, 1])
    expected = crossentropy(labels[[0, 3]], logits[[0, 3]])
    np.testing.assert_allclose(float(result), expected, rtol=1e-5)


def test_half_precision_logits_are_computed_in_float32(batch):
    labels, logits = batch
    half = logits.astype("float16")
    result = SegmentationCrossentropy()(labels, keras.ops.array(half))
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    expected = crossentropy(labels, half.astype("float32"))
    np.testing.assert_allclose(float(result), expected, rtol=1e-5)


def pixel_model():
    inputs = keras.Input((None, None, 3))
    kernel = keras.initializers.Constant(np.arange(9).reshape(1, 1, 3, 3) / 10)
    outputs = keras.layers.Conv2D(3, 1, kernel_initializer=kernel, name="logits")(
        inputs
    )
    return keras.Model(inputs, outputs)


def test_replicas_with_unequal_ignored_pixels_train_as_one_device(batch, two_replicas):
    """Most pixels of one replica are ignored, so the mean of replica means differs."""
    labels, images = batch
    labels[:2] = 255
    labels[1, 0] = 1  # six pixels on the first replica, which has images 0 and 1
    results = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            model = pixel_model()
            model.compile(keras.optimizers.SGD(0.1), SegmentationCrossentropy())
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        history = model.fit(data, epochs=3, verbose=0, shuffle=False).history["loss"]
        results.append((history, model.get_weights()))
    (one_history, one_weights), (two_history, two_weights) = results
    np.testing.assert_allclose(
        one_history[0],
        crossentropy(labels, images @ np.arange(9).reshape(3, 3) / 10),
        rtol=1e-5,
    )
    np.testing.assert_allclose(one_history, two_history, rtol=1e-5)
    for one, two in zip(one_weights, two_weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


def test_bad_input():
    with pytest.raises(ValueError, match="Received: label_smoothing=1"):
        SegmentationCrossentropy(label_smoothing=1)
    with pytest.raises(ValueError, match=r"labels \(2, 3, 3\), logits \(2, 4, 3, 5\)"):
        SegmentationCrossentropy()(np.zeros((2, 3, 3)), np.zeros((2, 4, 3, 5)))
    with pytest.raises(ValueError, match=r"labels \(2, 3, 3, 4\), logits \(2, 3, 3, 5"):
        SegmentationCrossentropy()(np.zeros((2, 3, 3, 4)), np.zeros((2, 3, 3, 5)))
    with pytest.raises(ValueError, match="each of the 5 classes.*Received: 2 weights"):
        loss = SegmentationCrossentropy(class_weights=[1, 2])
        loss(np.zeros((2, 3, 3)), np.zeros((2, 3, 3, 5)))
