"""Training scripts that are killed at bad moments, and started again."""

import json
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import keras_seg  # noqa: F401 (its layers are in the saved networks)
from tests.paths import ROOT
from tests.scale.processes import SECONDS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.keras3("Keras 2 has no states of random generators to keep"),
]

FLAGS = (
    "--scenes 16 --image-size 64 80 --crop 48 64 --batch-size 4 --output-stride 16 "
    "--deterministic"
).split()
RUNS = {
    "train_spnet": ["--epochs", "3"],
    "train_dsrl": "--epochs 2 --filters 16 --stages sssr fa".split(),
}


def command(script, folder):
    folders = ["--output", folder / "run", "--export", folder / "saved" / "1"]
    path = ROOT / "examples" / f"{script}.py"
    return [sys.executable, path, *FLAGS, *RUNS[script], *map(str, folders)]


def finish(script, folder):
    done = subprocess.run(command(script, folder), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


def kill_when(script, folder, pattern):
    """Starts the script and kills it as soon as a file like that is there."""
    process = subprocess.Popen(
        command(script, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + SECONDS
    while not list(folder.glob(pattern)):
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end, f"{pattern} did not appear"
        time.sleep(0.001)
    process.kill()
    process.wait()


MOMENTS = {
    "train_spnet": [
        "run/.unfinished-best.keras",  # the first best model is half written
        "run/backup/.unfinished-*",  # the first backup is
        "run/backup/epoch-2.npz",
        "run/evaluation.json",  # the training is over, not the script
    ],
    "train_dsrl": ["run/sssr/backup/epoch-1.npz", "run/fa/log.csv"],
}


@pytest.mark.parametrize("script", RUNS)
def test_killed_at_any_moment_it_ends_as_an_undisturbed_run(script, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for folder in (whole, killed):
        folder.mkdir()
    finish(script, whole)
    for pattern in MOMENTS[script]:
        kill_when(script, killed, pattern)
    finish(script, killed)

    logs = [sorted((folder / "run").rglob("log.csv")) for folder in (whole, killed)]
    assert len(logs[0]) == len(logs[1]) > 0
    for one, two in zip(*logs, strict=True):
        assert one.read_text() == two.read_text()
    scores = [
        json.loads((folder / "run" / "evaluation.json").read_text())
        for folder in (whole, killed)
    ]
    assert scores[0] == scores[1]
    models = [
        keras.saving.load_model(folder / "run" / "best.keras", compile=False)
        for folder in (whole, killed)
    ]
    for a, b in zip(*(model.weights for model in models), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=a.path)
    assert not list(killed.rglob("backup"))
