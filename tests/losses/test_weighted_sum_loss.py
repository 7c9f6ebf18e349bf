import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import (
    SegmentationCrossentropy,
    SegmentationDice,
    WeightedSumLoss,
)
from tests.losses.references import crossentropy, dice


def crossentropy_and_dice():
    losses = [SegmentationCrossentropy(), SegmentationDice(ignore_class=(254, 255))]
    return WeightedSumLoss(losses, [1.0, 3.0])


def test_replicas_train_as_one_device(two_replicas):
    """A class is on one replica only, so the mean of replica coefficients differs."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], size=(4, 5, 6), p=[0.5, 0.1, 0.2, 0.2])
    labels[2:] = np.where(labels[2:] == 1, 2, labels[2:])
    images = rng.normal(size=(4, 5, 6, 3)).astype("float32")
    kernel = np.arange(12).reshape(3, 4) / 10
    results = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            inputs = keras.Input((None, None, 3))
            initial = keras.initializers.Constant(kernel[None, None])
            x = keras.layers.Conv2D(4, 1, kernel_initializer=initial)(inputs)
            model = keras.Model(inputs, x)
            model.compile(keras.optimizers.SGD(0.1), crossentropy_and_dice())
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        history = model.fit(data, epochs=3, verbose=0, shuffle=False).history["loss"]
        results.append((history, model.get_weights()))
    logits = images @ kernel
    (one_history, one_weights), (two_history, two_weights) = results
    expected = crossentropy(labels, logits) + 3 * dice(labels, logits)
    np.testing.assert_allclose(one_history[0], expected, rtol=1e-5)
    np.testing.assert_allclose(one_history, two_history, rtol=1e-5)
    for one, two in zip(one_weights, two_weights, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)


def test_losses_of_keras_and_sample_weights():
    a, b = np.array([[0.0], [2.0]]), np.array([[1.0], [5.0]])
    losses = [keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError()]
    assert float(WeightedSumLoss(losses)(a, b)) == (1 + 9) / 2 + (1 + 3) / 2
    weighted = WeightedSumLoss(losses, [1, 10])(a, b, sample_weight=[1.0, 0.0])
    assert float(weighted) == 1 / 2 + 10 * 1 / 2


def test_a_saved_model_keeps_its_losses(tmp_path):
    inputs = keras.Input((4, 5, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(inputs))
    model.compile("sgd", crossentropy_and_dice())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == model.loss.get_config()
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    y = np.full((2, 4, 5), 1)
    expected = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(loaded.evaluate(x, y, verbose=0), expected, rtol=1e-6)


def test_bad_arguments():
    with pytest.raises(TypeError, match="must be a keras.losses.Loss. Received: 'mse'"):
        WeightedSumLoss(["mse"])
    with pytest.raises(ValueError, match="`losses` must be a sequence of keras.losses"):
        WeightedSumLoss(SegmentationDice())
    with pytest.raises(ValueError, match="`weights` must be .* Received: weights=2.0"):
        WeightedSumLoss([SegmentationDice()], 2.0)
    with pytest.raises(ValueError, match="Received: 0 losses, weights=None"):
        WeightedSumLoss([])
    with pytest.raises(ValueError, match="Received: 1 losses, weights=.1, 2."):
        WeightedSumLoss([SegmentationDice()], [1, 2])
