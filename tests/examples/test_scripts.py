"""The training scripts from end to end, on a few small scenes."""

import importlib.util
import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.command.training_flags import parse_training_flags
from keras_seg.data import StreetScenes
from keras_seg.inference import evaluate_label_maps, predict
from keras_seg.models import inference_model
from keras_seg.visualization import sample_predictions
from tests.paths import ROOT

SMALL = (
    "--scenes 16 --image-size 64 80 --crop 48 64 --batch-size 4 --epochs 1 "
    "--output-stride 16"
).split()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "flags"),
    [
        ("train_spnet", []),
        ("train_hanet", ["--filters", "16", "--optimizer", "sgd"]),
        ("train_hanet", ["--filters", "16", "--network", "deeplab_v3_plus"]),
        ("train_cpnet", ["--filters", "16"]),
        ("train_cpnet", ["--filters", "16", "--fused-prior"]),
        ("train_cpnet", ["--filters", "16", "--supervision", "none"]),
        ("train_dsrl", ["--filters", "16"]),
        ("train_dsrl", ["--filters", "16", "--parts", "none"]),
    ],
)
def test_a_run_leaves_a_model_its_score_and_pictures(script, flags, tmp_path):
    command = [sys.executable, ROOT / "examples" / f"{script}.py", *SMALL, *flags]
    folders = ["--output", tmp_path / "run", "--export", tmp_path / "saved" / "1"]
    done = subprocess.run([*command, *folders], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert f"mean IoU  {result['mean_iou']:6.1%}  on 2 images" in done.stdout
    assert re.search(r"\d s a step: about 0:\d\d:\d\d for 4 steps", done.stdout)
    assert not (tmp_path / "run" / "backup").exists()

    # What is told and drawn is of the model that is left.
    best = keras.saving.load_model(tmp_path / "run" / "best.keras", compile=False)
    val = StreetScenes(2, (64, 80), seed=1)
    expected = evaluate_label_maps(
        [(label[None], predict(best, image)[None]) for image, label in val],
        val.class_names,
    )
    np.testing.assert_allclose(result["mean_iou"], expected["mean_iou"], rtol=1e-3)
    picture = np.asarray(Image.open(tmp_path / "run" / "predictions.png"))
    differs = (picture != sample_predictions(best, val)).any(axis=-1)
    assert differs.mean() < 1e-3

    served = tf.saved_model.load(str(tmp_path / "saved" / "1")).signatures
    images = np.random.default_rng(0).integers(0, 256, (1, 50, 70, 3), "uint8")
    classes = served["serving_default"](images=tf.constant(images))["classes"][0]
    network = inference_model(best)(images.astype("float32"))
    expected = keras.ops.convert_to_numpy(network)[0].argmax(-1)
    scale = 2 if script == "train_dsrl" else 1
    assert classes.shape == expected.shape == (scale * 50, scale * 70)
    assert (classes.numpy() == expected).mean() > 0.999


def test_one_part_and_stages_exclude_each_other(capsys):
    spec = importlib.util.spec_from_file_location(
        "train_dsrl", ROOT / "examples" / "train_dsrl.py"
    )
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    arguments = ["--parts", "sisr", "--stages", "sssr"]
    with pytest.raises(SystemExit) as stop:
        parse_training_flags("", "dsrl", None, example.add_flags, arguments)
    assert stop.value.code == 2
    assert "--stages: not allowed with argument --parts" in capsys.readouterr().err


@pytest.mark.slow
def test_stages_follow_each_other(tmp_path):
    command = [sys.executable, ROOT / "examples" / "train_dsrl.py", *SMALL]
    command += ["--filters", "16", "--stages", "sssr", "sisr", "fa"]
    command += ["--output", tmp_path / "run", "--export", tmp_path / "saved" / "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    stages = [line for line in done.stdout.splitlines() if line.startswith("training ")]
    assert [len(line.split()) - 1 for line in stages] == [1, 2, 3]
    for part in ("sssr", "sisr", "fa"):
        assert (tmp_path / "run" / part / "best.keras").exists()
        assert not (tmp_path / "run" / part / "backup").exists()


@pytest.mark.parametrize(
    "script",
    [
        "train_spnet",
        *(
            pytest.param(script, marks=pytest.mark.slow)
            for script in ("train_hanet", "train_cpnet", "train_dsrl")
        ),
    ],
)
def test_data_that_need_a_folder_say_so(script):
    command = [sys.executable, ROOT / "examples" / f"{script}.py", "--data", "camvid"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert last == f"{script}.py: error: --data camvid needs --data-dir"


@pytest.mark.slow
def test_a_run_of_poses_leaves_networks_their_scores_and_a_picture(tmp_path):
    flags = "--size 64 48 --figures 8 --test-figures 4 --epochs 1 --filters 8".split()
    command = [sys.executable, ROOT / "examples" / "train_pose.py", *flags]
    done = subprocess.run(
        [*command, "--output", tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for arm in ("plain", "extended", "dual"):
        assert f"\n{arm:8}  PCK@0.1 " in done.stdout
    plain, extended, dual = (
        keras.saving.load_model(tmp_path / f"{arm}.keras", compile=False)
        for arm in ("plain", "extended", "dual")
    )
    assert plain.compute_output_shape((1, 32, 24, 3)) == (1, 8, 6, 14)
    for network in (extended, dual):
        assert network.compute_output_shape((1, 32, 24, 3)) == (1, 16, 12, 14)
    shapes = [[x.shape for x in network.weights] for network in (extended, dual)]
    assert shapes[0] == shapes[1]
    picture = np.asarray(Image.open(tmp_path / "predictions.png"))
    assert picture.std() > 10
