"""The trained networks that come with the package."""

import dataclasses
import hashlib
import pathlib
import sys

import keras
import numpy as np
import pytest

from keras_seg.command.files import load_model
from keras_seg.data import CamVid, evaluation_pipeline
from keras_seg.inference import evaluate
from keras_seg.models import from_preset, presets
from tests.paths import shared

NAMES = sorted(presets())


@pytest.mark.parametrize("name", NAMES)
def test_record_and_file_agree(name):
    preset = presets()[name]
    content = preset.path.read_bytes()
    assert preset.name == name
    assert hashlib.sha256(content).hexdigest() == preset.sha256
    assert len(content) <= 12 * 2**20
    assert len(preset.palette) == len(preset.class_names)
    assert preset.arguments["num_classes"] == len(preset.class_names)


def test_all_files_together_are_small():
    assert (
        sum(preset.path.stat().st_size for preset in presets().values()) <= 30 * 2**20
    )


@pytest.mark.parametrize("name", NAMES)
def test_model_is_that_of_the_record(name):
    preset = presets()[name]
    model = from_preset(name)
    assert model.count_params() == preset.parameters
    logits = model(np.zeros((1, 48, 64, 3), "float32"))
    assert logits.shape[-1] == len(preset.class_names)
    assert np.isfinite(keras.ops.convert_to_numpy(logits)).all()


@pytest.mark.parametrize("name", NAMES[:1])
def test_other_classes_keep_the_backbone(name):
    model, trained = from_preset(name, num_classes=5), from_preset(name)
    assert model.output_shape[-1] == 5
    for new, old in zip(
        model.get_layer("backbone").get_weights(),
        trained.get_layer("backbone").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(new, old)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="`name` must be one of .*Received: 'no'"):
        from_preset("no")


@pytest.mark.parametrize("name", NAMES[:1])
def test_a_damaged_file_is_refused(name, monkeypatch):
    damaged = dataclasses.replace(presets()[name], sha256="0" * 64)
    # The name `keras_seg.models.from_preset` is the function's.
    module = sys.modules["keras_seg.models.from_preset"]
    monkeypatch.setattr(module, "presets", lambda: {name: damaged})
    with pytest.raises(ValueError, match="damaged"):
        from_preset(name)


@pytest.mark.parametrize("name", NAMES[:1])
def test_commands_take_the_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_model(pathlib.Path(name)).count_params() == presets()[name].parameters


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_scores_what_the_record_says(name):
    val = CamVid(shared("camvid"), "val")
    result = evaluate(
        from_preset(name), evaluation_pipeline(val), val.class_names, boundaries=False
    )
    assert round(100 * result["mean_iou"], 2) == presets()[name].val_mean_iou
