"""Layers and losses of tensorflow-addons beside this package's."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.backbones import feature_pyramid, level_info
from keras_seg.layers import StripPooling
from keras_seg.ops import adaptive_average_pool
from tests.addons.network import small_network

tfa = pytest.importorskip(
    "tensorflow_addons", reason="tensorflow-addons is not installed"
)
NORMALIZATIONS = {
    "group": lambda: tfa.layers.GroupNormalization(groups=4),
    "instance": lambda: tfa.layers.InstanceNormalization(),
    "filter response": lambda: tfa.layers.FilterResponseNormalization(),
    "weight": lambda: tfa.layers.WeightNormalization(
        keras.layers.Conv2D(8, 3, padding="same"), data_init=False
    ),
}


def image(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_normalizations_train_beside_strip_pooling(name, tmp_path):
    inputs = keras.Input((24, 32, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = StripPooling()(NORMALIZATIONS[name]()(x))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1)(x))
    model.compile("adam", "mse")
    x, y = image(4, 24, 32, 3), image(4, 24, 32, 2)
    history = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(x), model(x), atol=1e-6)


def test_a_backbone_with_group_normalization_is_dilated():
    x = inputs = keras.Input((None, None, 3))
    for index in range(4):
        x = keras.layers.Conv2D(8, 3, 2, padding="same")(x)
        x = tfa.layers.GroupNormalization(4, name=f"norm{index}")(x)
        x = keras.layers.ReLU()(x)
    network = keras.Model(inputs, x)
    pyramid = feature_pyramid(network, output_stride=8)
    assert level_info(pyramid)["level4"] == (8, 8)
    assert pyramid(image(1, 40, 48, 3))["level4"].shape == (1, 5, 6, 8)
    norms = [x for x in pyramid.layers if isinstance(x, tfa.layers.GroupNormalization)]
    assert len(norms) == 4


@pytest.mark.parametrize("bins", [(3, 4), (6, 2), (1, 1)])
def test_adaptive_pooling_is_the_same_where_bins_divide(bins):
    x = image(2, 12, 8, 5)
    theirs = tfa.layers.AdaptiveAveragePooling2D(bins)(x)
    np.testing.assert_allclose(adaptive_average_pool(x, bins), theirs, atol=1e-6)


def test_adaptive_pooling_of_addons_refuses_other_bins():
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        tfa.layers.AdaptiveAveragePooling2D((5, 3))(image(1, 12, 8, 2))
    assert adaptive_average_pool(image(1, 12, 8, 2), (5, 3)).shape == (1, 5, 3, 2)


def test_sigmoid_focal_loss_trains_a_network():
    """On one-hot labels; those of void pixels are left out by weights of 0."""
    labels = np.random.default_rng(0).integers(0, 3, (2, 32, 48))
    labels[:, :5] = 255
    one_hot = np.eye(3, dtype="float32")[np.where(labels == 255, 0, labels)]
    weights = (labels != 255).astype("float32")
    loss = tfa.losses.SigmoidFocalCrossEntropy(
        from_logits=True, reduction=keras.losses.Reduction.SUM_OVER_BATCH_SIZE
    )
    model = small_network()
    model.compile("sgd", loss)
    images = 255 * one_hot
    logits = np.float64(model(images, training=True))
    found = model.train_on_batch(images, one_hot, sample_weight=weights)
    p = 1 / (1 + np.exp(-logits))
    right = one_hot * p + (1 - one_hot) * (1 - p)
    alpha = one_hot * 0.25 + (1 - one_hot) * 0.75
    focal = np.sum(-alpha * (1 - right) ** 2 * np.log(right), axis=-1)
    np.testing.assert_allclose(found, np.mean(focal * weights), rtol=1e-4)
    for _ in range(5):
        last = model.train_on_batch(images, one_hot, sample_weight=weights)
    assert last < found
