import subprocess
from types import SimpleNamespace

import keras
import pytest

from keras_seg.inference import peak_memory, prediction_model


def test_is_that_of_the_features():
    """Each of two maps of 64 channels and 1024 x 1024 pixels has 256 MiB."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(64, 1)(image)
    model = keras.Model(image, keras.layers.Conv2D(64, 1)(x))
    small, large = (peak_memory(model, (side, side)) for side in (64, 1024))
    assert small < 2**28
    assert 2 * 2**28 < large - small < 4 * 2**28


def test_failures_are_told(monkeypatch):
    image = keras.Input((8, 8, 3))
    with pytest.raises(RuntimeError, match="at \\(9, 8\\) could not be measured"):
        peak_memory(keras.Model(image, image * 2), (9, 8))
    with pytest.raises(ValueError, match="`size` must be .*Received: size=8"):
        peak_memory(keras.Model(image, image * 2), 8)


def test_views_are_loaded_in_the_other_process():
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(image))
    assert peak_memory(prediction_model(model, flip=True), (32, 48)) > 0


def test_the_other_process_sees_no_gpu(monkeypatch):
    seen = {}

    def run(command, env=None, **options):
        seen.update(env or {})
        return SimpleNamespace(returncode=0, stdout="7\n")

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(subprocess, "run", run)
    image = keras.Input((8, 8, 3))
    assert peak_memory(keras.Model(image, image * 2), (8, 8)) == 7
    assert seen["CUDA_VISIBLE_DEVICES"] == "" and seen["JAX_PLATFORMS"] == "cpu"
    assert "PATH" in seen
