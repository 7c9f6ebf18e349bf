import argparse
import csv
import json
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.command import main
from keras_seg.command.train import _new_model
from keras_seg.data import StreetScenes
from keras_seg.layers import MixedPooling
from keras_seg.models import inference_model
from tests.models.networks import tiny_cpnet

FLAGS = "--crop 32 48 --batch-size 2 --epochs 1 --ema 0.9 --warmup 2".split()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with images of two classes and a trained model of four."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for part in ("images", "labels"):
            (tmp_path / "data" / split / part).mkdir(parents=True)
        for index in range(2):
            label = np.zeros((40, 56), "uint8")
            label[:, 28:] = 1
            image = 100 + 100 * label[..., None] + rng.integers(0, 50, (40, 56, 3))
            for part, array in (("images", image.astype("uint8")), ("labels", label)):
                path = tmp_path / "data" / split / part / f"{index}.png"
                Image.fromarray(array).save(path)
    (tmp_path / "data" / "classes.txt").write_text("left #ff0000\nright #0000ff\n")
    model = tiny_cpnet(4, fused_prior=True, auxiliary_head=True)
    model.save("start.keras")
    return tmp_path


def train(*flags):
    data = ["--data", "folder", "--data-dir", "data", "--from", "start.keras"]
    main(["train", *data, *FLAGS, *flags])


def test_from_a_model_of_other_classes_to_a_served_one(folder, capsys):
    train("--freeze", "backbone", "--loss", "crossentropy+dice")
    run = folder / "runs" / "start"
    assert sorted(path.name for path in run.iterdir()) == [
        "best.keras",
        "evaluation.json",
        "log.csv",
        "predictions.png",
    ]
    start, best = (
        keras.saving.load_model(path, compile=False)
        for path in ("start.keras", run / "best.keras")
    )
    assert inference_model(best).output_shape[-1] == 2
    for one, two in zip(
        start.get_layer("backbone").weights,
        best.get_layer("backbone").weights,
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
    with open(run / "log.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert np.isfinite(float(row["loss"]))
    result = json.loads((run / "evaluation.json").read_text())
    told = capsys.readouterr().out
    assert f"mean IoU  {result['mean_iou']:6.1%}  on 2 images" in told
    assert "2 images to train on, 2 to validate on, 2 classes, 1 steps" in told
    served = tf.saved_model.load("saved_models/start/1").signatures["serving_default"]
    classes = served(images=tf.zeros((1, 40, 56, 3), tf.uint8))["classes"]
    assert classes.shape == (1, 40, 56)

    with pytest.raises(SystemExit) as stop:
        train()
    assert stop.value.code == 1
    assert "holds a finished run" in capsys.readouterr().err


def test_a_model_that_training_would_replace_or_cannot_train(folder, capsys):
    model = keras.saving.load_model("start.keras")
    softmax = keras.layers.Softmax()(model.output["segmentation"])
    keras.Model(model.input, softmax).save("softmax.keras")
    model.save("best.keras")
    before = (folder / "best.keras").read_bytes()
    (folder / "link").symlink_to(folder)
    for flags, message in (
        (
            ("--from", "best.keras", "--output", "."),
            "folder than that of best.keras",
        ),
        (
            ("--from", "link/best.keras", "--output", "."),
            "folder than that of link/best.keras",
        ),
        (
            ("--from", "data/../best.keras", "--output", "."),
            "folder than that of data/../best.keras",
        ),
        (("--from", "softmax.keras"), "softmax.keras ends in a softmax or sigmoid"),
    ):
        with pytest.raises(SystemExit):
            train(*flags, "--overwrite")
        assert message in capsys.readouterr().err
    assert (folder / "best.keras").read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--from", "a.keras", "--network", "hanet"], "combined with --network"),
        (["--from", "a.keras", "--backbone", "resnet18"], "combined with --backbone"),
        (["--from", "a.keras", "--weights", "none"], "combined with --weights"),
        (["--from", "a.keras", "--output-stride", "8"], "with --output-stride"),
        (["--from", "a.keras", "--upscale", "4"], "combined with --upscale"),
        (["--network", "spnet", "--upscale", "4"], "for --network dsrl only"),
        (
            ["--freeze", "backbone", "--backbone-rate", "0.1"],
            "--freeze backbone trains no weights of the backbone, and cannot be "
            "combined with --backbone-rate",
        ),
    ],
)
def test_flags_without_effect_are_refused(flags, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", *flags])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_backbone_that_an_earlier_run_froze_is_trained(folder):
    model = keras.saving.load_model("start.keras")
    model.get_layer("backbone").trainable = False
    model.save("frozen.keras")
    train("--from", "frozen.keras", "--backbone-rate", "0.5")
    best = keras.saving.load_model("runs/frozen/best.keras", compile=False)
    before, after = (x.get_layer("backbone").get_weights() for x in (model, best))
    assert any((x != y).any() for x, y in zip(before, after, strict=True))


def test_images_of_other_channels_are_a_message(folder, capsys):
    image = keras.Input((None, None, 4))
    x = keras.layers.Conv2D(2, 3, padding="same")(image)
    keras.Model(image, x).save("own.keras")
    with pytest.raises(SystemExit):
        train("--from", "own.keras")
    message = "own.keras takes images of 4 channels, but those of the data have 3"
    assert message in capsys.readouterr().err


def test_a_missing_model_is_a_message_before_the_labels_are_read(folder, capsys):
    (folder / "model").mkdir()
    for start, message in (
        ("missing.keras", "no model file missing.keras"),
        ("model", "such as model/best.keras. Received the folder model"),
    ):
        with pytest.raises(SystemExit):
            train("--from", start)
        out, error = capsys.readouterr()
        assert message in error and not out


def test_a_network_without_a_backbone(folder, capsys):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(2, 3, padding="same")(image)
    keras.Model(image, x).save("own.keras")
    for flag in (["--backbone-rate", "0.5"], ["--freeze", "backbone"], ["--remat"]):
        with pytest.raises(SystemExit):
            train("--from", "own.keras", *flag)
        error = capsys.readouterr().err
        assert flag[0] in error and 'named "backbone", and own.keras has' in error
    train("--from", "own.keras")
    told = capsys.readouterr().out
    assert "recipe: --crop 32 48 --scale" in told  # without flags of a new network
    assert "--backbone-rate" not in told and "None" not in told
    assert (folder / "runs" / "own" / "best.keras").exists()


@pytest.mark.keras3("`rematerialize` needs `keras.remat`")
def test_the_backbone_is_rematerialized(folder, monkeypatch):
    plain, used = keras.remat, []
    monkeypatch.setattr(keras, "remat", lambda f: used.append(f) or plain(f))
    train("--remat")
    assert used
    best = keras.saving.load_model("runs/start/best.keras", compile=False)
    assert best.get_layer("backbone").layers


def test_a_backbone_inside_of_another_model_has_a_rate(folder, capsys):
    inner, image = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    x = keras.layers.Conv2D(2, 3, padding="same", name="backbone")(inner)
    keras.Model(image, keras.Model(inner, x)(image)).save("outer.keras")
    train("--from", "outer.keras", "--backbone-rate", "0.5")
    assert "--backbone-rate 0.5" in capsys.readouterr().out


def test_a_single_logit_is_two_classes(folder):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(1, 3, padding="same")(image)
    keras.Model(image, x).save("own.keras")
    train("--from", "own.keras")
    best = keras.saving.load_model("runs/own/best.keras", compile=False)
    assert best.output_shape[-1] == 1


def test_what_is_wrong_with_data_is_a_message(folder, capsys):
    (folder / "data" / "classes.txt").unlink()
    with pytest.raises(SystemExit) as stop:
        train()
    assert stop.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("keras-seg: error: ") and "classes.txt" in error


def test_the_pooling_grids_of_a_new_spnet_suit_the_crop():
    args = argparse.Namespace(
        network="spnet",
        backbone="resnet10",
        weights=None,
        output_stride=8,
        crop=(64, 96),  # 8 x 12 cells
        upscale=2,
    )
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        model = _new_model(args, StreetScenes(2, size=(64, 96)))
        model(np.zeros((1, 64, 96, 3), "float32"))
    assert not [w for w in given if "pooling grid" in str(w.message)]
    (grids,) = {x.grids for x in model.layers if isinstance(x, MixedPooling)}
    assert grids == ((3, 4), (2, 3))
