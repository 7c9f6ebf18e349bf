"""The script that predicts with TensorFlow alone."""

import argparse
import importlib.util

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.paths import ROOT


def save_model(path, scale=1, channels=3, independent=False):
    """Saves a model that tells bright pixels from dark ones and enlarges the map."""
    shape = (None, None, None, channels)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.uint8)])
    def serve(images):
        bright = tf.cast(images[..., 0] > 127, tf.uint8)
        if independent:  # dark, bright and any
            bright = tf.stack([1 - bright, bright, tf.ones_like(bright)], axis=-1)
        return {"classes": tf.repeat(tf.repeat(bright, scale, axis=1), scale, axis=2)}

    tf.saved_model.save(tf.Module(), str(path), {"serving_default": serve})


@pytest.fixture
def predict(tmp_path):
    """The script, with a SavedModel that tells bright pixels from dark ones."""
    path = ROOT / "examples" / "predict.py"
    spec = importlib.util.spec_from_file_location("predict_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    save_model(tmp_path / "saved")
    (tmp_path / "images").mkdir()
    bright = np.zeros((4, 6, 3), "uint8")
    bright[:2] = 255
    Image.fromarray(bright).save(tmp_path / "images" / "a.png")

    def run(output):
        module.main(
            argparse.Namespace(
                saved_model=str(tmp_path / "saved"),
                images=tmp_path / "images",
                output=tmp_path / output,
            )
        )

    return run


def test_images_alone_become_class_maps(predict, tmp_path):
    (tmp_path / "images" / ".DS_Store").write_bytes(b"")
    (tmp_path / "images" / "more").mkdir()
    predict("classes")
    (path,) = (tmp_path / "classes").iterdir()
    classes = np.asarray(Image.open(path))
    assert classes.tolist() == [[1] * 6] * 2 + [[0] * 6] * 2


def test_maps_of_a_dsrl_have_the_size_of_the_image(predict, tmp_path):
    save_model(tmp_path / "saved", scale=2)
    gray = np.repeat(np.uint8([255, 255, 200, 0, 0]), 7).reshape(5, 7)
    Image.fromarray(gray).save(tmp_path / "images" / "a.png")
    predict("classes")
    classes = np.asarray(Image.open(tmp_path / "classes" / "a.png"))
    # The third row has the mean of two, 100.
    assert classes.tolist() == [[1] * 7] * 2 + [[0] * 7] * 3


def test_independent_classes_become_masks(predict, tmp_path):
    save_model(tmp_path / "saved", independent=True)
    predict("masks")
    dark, bright, both = (
        np.asarray(Image.open(tmp_path / "masks" / name / "a.png")) for name in "012"
    )
    assert bright.tolist() == [[True] * 6] * 2 + [[False] * 6] * 2
    assert (dark != bright).all() and both.all()


def test_other_channels(predict, tmp_path):
    save_model(tmp_path / "saved", channels=1)
    predict("classes")
    classes = np.asarray(Image.open(tmp_path / "classes" / "a.png"))
    assert classes.tolist() == [[1] * 6] * 2 + [[0] * 6] * 2
    save_model(tmp_path / "saved", channels=4)
    with pytest.raises(SystemExit, match="images of 4 channels"):
        predict("classes")


def test_photographs_are_not_overwritten(predict, tmp_path):
    before = (tmp_path / "images" / "a.png").read_bytes()
    with pytest.raises(SystemExit, match="another folder"):
        predict("images")
    assert (tmp_path / "images" / "a.png").read_bytes() == before


def test_16_bits_are_refused(predict, tmp_path):
    """Pillow would make them white."""
    Image.fromarray(np.full((4, 6), 3000, "uint16")).save(tmp_path / "images/b.png")
    with pytest.raises(SystemExit, match="b.png must have 8 bits"):
        predict("classes")
