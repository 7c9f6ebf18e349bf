import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.layers import ConvNorm
from keras_seg.training import (
    mirrored_strategy,
    named_targets,
    synchronize_batch_norm,
)


def test_strategy_covers_all_visible_devices():
    assert mirrored_strategy().num_replicas_in_sync == 2  # the two of conftest.py


def nested_model():
    inner = keras.Sequential([keras.Input((4, 4, 3)), ConvNorm(2, 1)], name="inner")
    outer = [keras.Input((4, 4, 3)), inner, keras.layers.BatchNormalization()]
    return keras.Sequential(outer)


def test_batch_norms_are_found_in_layers_and_nested_models(two_replicas):
    with two_replicas.scope():
        model = nested_model()
        assert synchronize_batch_norm(model) == 2
    assert model.layers[-1].synchronized
    assert model.get_layer("inner").layers[-1].norm.synchronized
    assert synchronize_batch_norm(nested_model()) == 0


def test_batch_norms_are_synchronized_outside_of_the_scope(two_replicas):
    with two_replicas.scope():
        model = nested_model()
    assert synchronize_batch_norm(model) == 2


def test_saved_batch_norms_are_not_synchronized(two_replicas, tmp_path):
    with two_replicas.scope():
        model = nested_model()
        synchronize_batch_norm(model)
        model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert model.layers[-1].synchronized
    assert not loaded.layers[-1].synchronized


def test_one_replica_turns_synchronization_off():
    model = nested_model()
    norm = model.layers[-1]
    norm.synchronized = True  # as files of earlier versions have it
    assert synchronize_batch_norm(model) == 0
    assert not norm.synchronized


def test_targets_follow_the_outputs():
    inputs = keras.Input((2, 2, 3))
    logits = keras.layers.Identity()(inputs)
    bare = keras.Model(inputs, logits)
    named = keras.Model(inputs, {"segmentation": logits, "auxiliary": logits})
    data = tf.data.Dataset.from_tensors((tf.zeros((1, 2, 2, 3)), tf.ones((1, 2, 2))))
    _, labels = next(iter(data.map(named_targets(bare))))
    assert labels.shape == (1, 2, 2)
    _, labels = next(iter(data.map(named_targets(named))))
    assert sorted(labels) == ["auxiliary", "segmentation"]
    np.testing.assert_array_equal(labels["auxiliary"], np.ones((1, 2, 2)))


def test_targets_of_two_resolutions():
    image = keras.Input((None, None, 3))
    pixels = keras.layers.Identity()(image)
    outputs = dict.fromkeys(["segmentation", "super_resolution"], pixels)
    outputs["feature_affinity"] = keras.layers.GlobalMaxPooling2D()(pixels)
    model = keras.Model(image, outputs)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (4, 7, 9, 3)).astype("float32")
    labels = rng.integers(0, 5, (4, 7, 9))
    data = tf.data.Dataset.from_tensors((images, labels))
    inputs, targets = next(iter(data.map(named_targets(model, scale=2))))
    means = images[:, :6, :8].reshape(4, 3, 2, 4, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(inputs, means, rtol=1e-5)
    np.testing.assert_array_equal(targets["segmentation"], labels[:, :6, :8])
    np.testing.assert_allclose(
        targets["super_resolution"], images[:, :6, :8] / 255, rtol=1e-6
    )
    np.testing.assert_array_equal(targets["feature_affinity"], np.zeros(4))
    with pytest.raises(ValueError, match="the factor of the super-resolution"):
        named_targets(model)


def test_targets_at_a_stride_stay_whole():
    """Heat maps are smaller than the images that are cropped."""
    image = keras.Input((None, None, 3))
    model = keras.Model(image, {"heat_maps": keras.layers.Identity()(image)})
    pair = tf.zeros((2, 8, 12, 3)), tf.ones((2, 2, 3, 5))
    data = tf.data.Dataset.from_tensors(pair)
    _, targets = next(iter(data.map(named_targets(model, scale=2))))
    assert targets["heat_maps"].shape == (2, 2, 3, 5)


def test_sizes_of_targets_may_be_known_at_run_time_only():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Identity()(image))
    signature = tf.TensorSpec((2, None, None, 3)), tf.TensorSpec((2, None, None))
    data = tf.data.Dataset.from_generator(
        lambda: [(np.zeros((2, 7, 10, 3)), np.zeros((2, 7, 10)))],
        output_signature=signature,
    )
    inputs, labels = next(iter(data.map(named_targets(model, scale=3))))
    assert inputs.shape == (2, 2, 3, 3) and labels.shape == (2, 6, 9)


def test_sample_weights_follow_the_outputs():
    image = keras.Input((None, None, 3))
    pixels = keras.layers.Identity()(image)
    outputs = dict.fromkeys(["segmentation", "super_resolution"], pixels)
    model = keras.Model(image, outputs)
    images, labels = tf.zeros((2, 7, 9, 3)), tf.zeros((2, 7, 9), tf.int32)
    of_pixels = tf.random.uniform((2, 7, 9))
    add = named_targets(model, scale=2)
    _, _, weights = add(images, labels, of_pixels)
    np.testing.assert_array_equal(weights["segmentation"], of_pixels[:, :6, :8])
    np.testing.assert_array_equal(weights["super_resolution"], [1, 1])
    of_images = tf.constant([0.5, 2.0])
    _, _, weights = add(images, labels, of_images)
    for name in outputs:
        np.testing.assert_array_equal(weights[name], of_images)
    bare = keras.Model(image, pixels)
    data = tf.data.Dataset.from_tensors((images, labels, of_pixels))
    *_, weights = next(iter(data.map(named_targets(bare))))
    np.testing.assert_array_equal(weights, of_pixels)
