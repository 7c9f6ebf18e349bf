"""Layers inside of this package's layers stay frozen."""

import keras
import numpy as np
import pytest

from keras_seg import layers
from keras_seg.training import freeze_batch_norm

COMPOSITES = {
    "ConvNorm": lambda **more: layers.ConvNorm(4, 3, **more),
    "SeparableConvNorm": lambda **more: layers.SeparableConvNorm(4, 3, **more),
    "TransposedConvNorm": lambda **more: layers.TransposedConvNorm(4, 2, **more),
    "StripPooling": lambda **more: layers.StripPooling(**more),
    "MixedPooling": lambda **more: layers.MixedPooling((2,), **more),
    "AggregationModule": lambda **more: layers.AggregationModule(4, 3, **more),
    "AtrousSpatialPyramidPooling": lambda **more: layers.AtrousSpatialPyramidPooling(
        4, (2,), **more
    ),
}


def network(name, **options):
    image = keras.Input((8, 8, 8))
    return keras.Model(image, COMPOSITES[name](name="layer", **options)(image))


def copies(model, tmp_path):
    model.save(tmp_path / "model.keras")
    yield keras.saving.load_model(tmp_path / "model.keras", compile=False)
    yield keras.models.clone_model(model)


def moved(model):
    """The number of variables that a call in training mode changes."""
    before = [keras.ops.convert_to_numpy(x) for x in model.variables]
    model(np.random.default_rng(0).normal(size=(4, 8, 8, 8)), training=True)
    after = [keras.ops.convert_to_numpy(x) for x in model.variables]
    pairs = zip(before, after, strict=True)
    # States of random generators have integers.
    return sum(bool((x != y).any()) for x, y in pairs if x.dtype == "float32")


def test_a_layer_without_batch_norms_stays_frozen(tmp_path):
    image = keras.Input((8, 8, 8))
    model = keras.Model(image, layers.SubPixelUpsample(2, 3, name="layer")(image))
    assert model.trainable_weights
    model.get_layer("layer").trainable = False
    for copy in copies(model, tmp_path):
        assert not copy.trainable_weights


@pytest.mark.parametrize("name", COMPOSITES)
def test_frozen_layers_stay_frozen(name, tmp_path):
    model = network(name)
    everything = len(model.trainable_weights)
    assert everything and moved(model)
    model.get_layer("layer").trainable = False
    constructed = network(name, trainable=False)
    for frozen in (model, constructed, *copies(model, tmp_path)):
        assert (len(frozen.trainable_weights), moved(frozen)) == (0, 0)
    for copy in copies(model, tmp_path):
        copy.get_layer("layer").trainable = True
        assert len(copy.trainable_weights) == everything and moved(copy)


@pytest.mark.parametrize("name", COMPOSITES)
def test_frozen_batch_norms_stay_frozen(name, tmp_path):
    model = network(name)
    assert freeze_batch_norm(model)
    trained = [weight.shape for weight in model.trainable_weights]
    assert trained and moved(model) == 0
    for copy in copies(model, tmp_path):
        assert [weight.shape for weight in copy.trainable_weights] == trained
        assert moved(copy) == 0
