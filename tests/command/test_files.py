import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.command.files import model_classes, reading_error
from keras_seg.data import ImageFolder, class_table, evaluation_pipeline
from keras_seg.models import presets


def test_errors_of_reading_are_told_without_tensorflows_own_words(tmp_path):
    Image.fromarray(np.full((6, 8), 128, "uint8")).save(tmp_path / "a.png")
    batches = evaluation_pipeline(ImageFolder(tmp_path, tmp_path, ["road", "car"]))
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        next(iter(batches))
    message = reading_error(caught.value)
    assert message.startswith(f"The label {tmp_path}/a.png holds the values 128, which")
    other = tf.errors.InvalidArgumentError(None, None, "Shapes differ\nin a step")
    assert reading_error(other) == "Shapes differ"


def test_a_preset_has_its_own_classes_and_a_file_has_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = next(iter(presets()))
    names, palette = model_classes(pathlib.Path(name))
    assert names == presets()[name].class_names
    np.testing.assert_array_equal(palette, class_table("camvid")[1])
    assert model_classes(pathlib.Path("best.keras")) == (None, None)
    assert model_classes(pathlib.Path(name), "voc")[0] == class_table("voc")[0]
    (tmp_path / name).touch()  # a file has priority, as in `load_model`
    assert model_classes(pathlib.Path(name)) == (None, None)
