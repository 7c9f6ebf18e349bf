"""Independent classes from the command line: train, evaluate, predict, export."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.command import main
from keras_seg.inference import evaluate_masks, predict
from keras_seg.models import network_info
from tests.models.networks import cheap_deeplab

NAMES = ("left", "top")
DATA = "--data folder --data-dir data --independent-classes".split()
FLAGS = "--crop 32 48 --batch-size 2 --epochs 1".split()


def mask_of(name):
    mask = np.zeros((40, 56), bool)
    if name == "left":
        mask[:, :28] = True
    else:
        mask[:20] = True
    return mask


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with images of two classes and a tiny model of three."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for part in ("images", *(f"masks/{name}" for name in NAMES)):
            (tmp_path / "data" / split / part).mkdir(parents=True)
        for index in range(2):
            image = rng.integers(0, 100, (40, 56, 3), "uint8")
            for channel, name in enumerate(NAMES):
                mask = mask_of(name)
                image[..., channel] += np.uint8(100) * mask
                path = tmp_path / "data" / split / "masks" / name / f"{index}.png"
                Image.fromarray(mask).save(path)
            Image.fromarray(image).save(
                tmp_path / "data" / split / "images" / f"{index}.png"
            )
    (tmp_path / "data" / "classes.txt").write_text("left #c80000\ntop #0000c8\n")
    return tmp_path


def fails(capsys, *arguments):
    """Returns the error message of a command."""
    with pytest.raises(SystemExit):
        main([*map(str, arguments)])
    return capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:The model is exported without warm-up")
def test_from_files_to_a_served_model(folder, capsys):
    cheap_deeplab(3, independent_classes=True).save("start.keras")
    main(
        [
            *("train", "--from", "start.keras", *DATA, *FLAGS),
            *("--loss", "crossentropy+dice", "--class-balance", "0.5"),
        ]
    )
    told = capsys.readouterr().out
    assert "left   50.00%" in told and "top   50.00%" in told
    path = "runs/start/best.keras"
    best = keras.saving.load_model(path, compile=False)
    assert network_info(best).independent_classes
    result = json.loads((folder / "runs/start/evaluation.json").read_text())

    main(["evaluate", path, "--data", "folder", "--data-dir", "data"])
    table = capsys.readouterr().out
    assert table.splitlines()[-1].split()[:2] == ["mean", "IoU"]
    assert f"{result['mean_iou']:.1%}" in table
    label = np.stack([mask_of(name) for name in NAMES], axis=-1).astype(int)
    images = [f"data/val/images/{index}.png" for index in range(2)]
    masks = [predict(best, image) for image in images]
    expected = evaluate_masks([(label, mask) for mask in masks], NAMES)
    np.testing.assert_allclose(result["mean_iou"], expected["mean_iou"])

    main(
        [
            *("predict", path, "data/val/images", "--output", "masks"),
            *("--overlays", "overlays", "--confidence", "confidence"),
            *("--classes", "data/classes.txt"),
        ]
    )
    for index, name in np.ndindex(2, 2):
        with Image.open(f"masks/{NAMES[name]}/{index}.png") as file:
            np.testing.assert_array_equal(file, masks[index][..., name] == 1)
    assert (folder / "overlays" / "1.png").is_file()
    with Image.open("confidence/top/1.png") as file:
        np.testing.assert_array_equal(np.asarray(file) > 127, masks[1][..., 1] == 1)

    served = tf.saved_model.load("saved_models/start/1").signatures["serving_default"]
    with Image.open(images[0]) as file:
        batch = tf.constant(np.asarray(file)[None])
    np.testing.assert_array_equal(served(images=batch)["classes"][0], masks[0])


def test_what_does_not_fit_is_told(folder, capsys):
    cheap_deeplab(2).save("classes.keras")
    cheap_deeplab(2, independent_classes=True).save("masks.keras")
    of_classes = "train", "--from", "classes.keras", *DATA, *FLAGS
    assert "classes.keras are independent, and" in fails(capsys, *of_classes)
    scenes = "train", "--from", "masks.keras", "--scenes", 8, *FLAGS
    assert "masks.keras are independent, and" in fails(capsys, *scenes)
    error = fails(capsys, "train", "--network", "cpnet", *DATA, *FLAGS)
    assert "cpnet does not support independent classes" in error
    balanced = "train", *DATA, *FLAGS, "--class-weights", "balanced"
    assert "cannot be balanced for independent" in fails(capsys, *balanced)
    chart = "evaluate", "masks.keras", *DATA, "--chart", "chart.png"
    assert "--chart needs a model of one class" in fails(capsys, *chart)
    error = fails(capsys, "evaluate", "classes.keras", *DATA)
    assert "State whether a model's classes are independent" in error
