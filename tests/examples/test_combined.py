"""All four papers' ideas in one network."""

import importlib.util
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seg import backbones
from keras_seg.command.training_flags import parse_training_flags
from keras_seg.export import export_saved_model
from keras_seg.layers import StripPooling
from keras_seg.losses import AffinityLoss, OutputLoss, SegmentationCrossentropy
from keras_seg.models import inference_model, network_info
from keras_seg.ops import row_positions
from keras_seg.training import named_targets
from tests.models.networks import tiny_network
from tests.paths import ROOT

SIZE = (2, 3)  # of the last level's features, of crops of 32 x 48 at half of that


@pytest.fixture(scope="module")
def example():
    path = ROOT / "examples" / "train_combined.py"
    spec = importlib.util.spec_from_file_location("train_combined", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model(example):
    pyramid = backbones.feature_pyramid(tiny_network(), 8)
    return example.combined_network(3, pyramid, SIZE, filters=32)


def sample():
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, 32, 48, 3)).astype("float32")
    rows = np.repeat(row_positions(np.arange(32)[None], 32), 2, axis=0)
    return (images, rows), rng.integers(0, 3, (2, 32, 48)).astype("int32")


def test_every_part_is_there_and_learns(model):
    layers = model.get_layer("backbone").layers
    assert sum(isinstance(layer, StripPooling) for layer in layers) == 5
    loss = {
        "segmentation": SegmentationCrossentropy(),
        "context_prior": AffinityLoss(SIZE, 3),
        "super_resolution": "mse",
        "feature_affinity": OutputLoss(),
    }
    assert model.output.keys() == loss.keys()
    model.compile(keras.optimizers.SGD(0.1), loss)
    before = [ops.convert_to_numpy(w) for w in model.trainable_weights]
    batches = tf.data.Dataset.from_tensors(sample()).repeat(2)
    history = model.fit(batches.map(named_targets(model)), verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (ops.convert_to_numpy(weight) != old).any(), weight.path


@pytest.mark.backend("tensorflow", "SavedModels")
def test_it_is_saved_and_served_without_what_trains_it(model, tmp_path):
    (images, _), _ = sample()
    network = inference_model(model)
    info = network_info(network)
    assert (info.num_classes, info.scale, len(network.inputs)) == (3, 2, 1)
    expected = ops.convert_to_numpy(network(images))
    assert expected.shape == (2, 64, 96, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(inference_model(loaded)(images), expected, atol=1e-5)
    path = export_saved_model(loaded, tmp_path / "1")
    served = tf.saved_model.load(str(path)).signatures["serving_default"]
    pixels = images.astype("uint8")
    classes = ops.convert_to_numpy(served(images=pixels)["classes"])
    found = np.argmax(ops.convert_to_numpy(network(pixels)), axis=-1)
    assert (classes == found).mean() > 0.999


def test_images_may_have_one_channel(example, monkeypatch):
    data = types.SimpleNamespace(num_classes=2, ignore_class=255, channels=1)
    built = []

    def stop(args, model, *data_sets):
        built.append(model)
        raise KeyboardInterrupt  # before training

    monkeypatch.setattr(example, "open_training_data", lambda args: (data, data))
    monkeypatch.setattr(example, "training_batches", stop)
    flags = ["--filters", "8"]
    with pytest.raises(KeyboardInterrupt):
        example.main(
            parse_training_flags("", "combined", None, example.add_flags, flags)
        )
    assert built[0].inputs[0].shape == (None, None, None, 1)
