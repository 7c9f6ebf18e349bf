import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_seg.layers import FeatureAffinity, SubPixelUpsample
from keras_seg.models import affinity_model, dual_super_resolution
from keras_seg.ops import row_positions
from tests.models.networks import tiny_hanet

BOTH = "segmentation", "super_resolution"


def tiny_dsrl(subscale=4, scale=2):
    """A model with the outputs of `DSRL`, and what its affinity compares."""
    image = keras.Input((None, None, 3))
    x = layers.Rescaling(1 / 255)(image)
    x = layers.Conv2D(6, 3, padding="same", activation="tanh")(x)
    seg = SubPixelUpsample(scale, 5, name="seg")(x)
    sr = SubPixelUpsample(scale, 4, name="sr")(x)
    outputs = {
        "segmentation": layers.Conv2D(3, 1, dtype="float32")(seg),
        "super_resolution": layers.Conv2D(3, 1, dtype="float32")(sr),
        "feature_affinity": FeatureAffinity(1, subscale)([seg, sr]),
    }
    return keras.Model(image, outputs, name="tiny")


def images(height=9, width=14):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (2, height, width, 3)).astype("float32")


@pytest.mark.parametrize(("subscale", "cells"), [(4, (4, 7)), (20, (1, 1)), (1, None)])
def test_the_models_affinity_comes_from_its_features(subscale, cells):
    model = tiny_dsrl(subscale)
    features = affinity_model(model)(images())
    similarities = []
    for name, channels in (("segmentation", 5), ("super_resolution", 4)):
        x = ops.convert_to_numpy(features[name])
        assert x.shape == (2, *(cells or (18, 28)), channels) and x.dtype == "float32"
        x = x.reshape(2, -1, channels).astype("float64")
        similarities.append(x @ x.transpose(0, 2, 1))
        np.testing.assert_allclose(np.diagonal(similarities[-1], 0, 1, 2), 1, 1e-5)
    expected = np.abs(np.subtract(*similarities)).mean(axis=(1, 2))
    result = ops.convert_to_numpy(model(images())["feature_affinity"])
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)
    assert result.min() > 0.01 or cells == (1, 1)


def test_of_a_network_with_positions():
    hanet = tiny_hanet(positions=True)
    model = dual_super_resolution(hanet, affinity_subscale=2)
    network = affinity_model(model)
    assert len(network.inputs) == 1
    features = network(images(32, 48))
    one, two = (ops.reshape(features[x], (2, -1, features[x].shape[-1])) for x in BOTH)
    similarities = [x @ ops.transpose(x, (0, 2, 1)) for x in (one, two)]
    expected = ops.mean(ops.abs(similarities[0] - similarities[1]), axis=(1, 2))
    rows = np.repeat(row_positions(np.arange(32)[None], 32), 2, axis=0)
    result = model((images(32, 48), rows))["feature_affinity"]
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)


def test_shares_the_weights_and_leaves_the_model_as_it_is():
    model = tiny_dsrl()
    model.compile(loss={"segmentation": "mse"})
    before = model(images())["segmentation"]
    features = affinity_model(model)
    first = ops.convert_to_numpy(features(images())["segmentation"])
    weights = model.get_layer("seg").weights[0]
    assert any(weights is other for other in features.weights)
    weights.assign(-2 * weights + 0.1)
    second = ops.convert_to_numpy(features(images())["segmentation"])
    assert np.abs(first - second).max() > 0.1
    weights.assign((weights - 0.1) / -2)
    np.testing.assert_allclose(model(images())["segmentation"], before, atol=1e-5)


def test_features_are_float32_under_mixed_precision(mixed_policy):
    model = tiny_dsrl()
    assert model.get_layer("seg").output.dtype == "float16"
    features = affinity_model(model)
    for name, x in features(images()).items():
        assert keras.backend.standardize_dtype(x.dtype) == "float32"
        assert features.output[name].dtype == "float32"


def test_saved(tmp_path):
    model = affinity_model(tiny_dsrl())
    model.save(tmp_path / "features.keras")
    loaded = keras.saving.load_model(tmp_path / "features.keras")
    result, expected = loaded(images()), model(images())
    for name, x in expected.items():
        np.testing.assert_allclose(result[name], x, rtol=1e-6)


@pytest.mark.parametrize("number", [0, 2])
def test_rejects_models_without_one_layer(number):
    image = keras.Input((8, 8, 3))
    outputs = [image] + [FeatureAffinity()([image, image]) for _ in range(number)]
    model = keras.Model(image, outputs, name="other")
    with pytest.raises(ValueError, match=f"one FeatureAffinity.*'other' with {number}"):
        affinity_model(model)
