"""The training scripts from end to end, on a few small scenes."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

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
    ],
)
def test_a_run_leaves_a_model_its_score_and_pictures(script, flags, tmp_path):
    command = [sys.executable, ROOT / "examples" / f"{script}.py", *SMALL, *flags]
    folders = ["--output", tmp_path / "run", "--export", tmp_path / "saved" / "1"]
    done = subprocess.run([*command, *folders], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert 0 <= result["mean_iou"] <= 1
    assert f"mean IoU  {result['mean_iou']:6.1%}  on 2 images" in done.stdout
    assert (tmp_path / "run" / "best.keras").exists()
    assert not (tmp_path / "run" / "backup").exists()
    picture = np.asarray(Image.open(tmp_path / "run" / "predictions.png"))
    assert picture.std() > 10
    predict = tf.saved_model.load(str(tmp_path / "saved" / "1")).signatures
    images = tf.zeros((1, 50, 70, 3), tf.uint8)
    classes = predict["serving_default"](images=images)["classes"]
    assert classes.shape == (1, 50, 70)


@pytest.mark.parametrize("script", ["train_spnet", "train_hanet", "train_cpnet"])
def test_data_that_need_a_folder_say_so(script):
    command = [sys.executable, ROOT / "examples" / f"{script}.py", "--data", "camvid"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == "--data camvid needs --data-dir"
