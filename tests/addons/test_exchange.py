"""Weights and exports of Keras 2 and Keras 3, each read by the other."""

import json
import os
import subprocess
import sys

import pytest

from tests.paths import ROOT

OTHER = os.environ.get("KERAS_SEG_OTHER_PYTHON")
pytestmark = pytest.mark.skipif(
    OTHER is None, reason="KERAS_SEG_OTHER_PYTHON names no environment with Keras 3"
)


def exchange(python, *arguments):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(
        [python, "-m", "tests.addons.exchange", *map(str, arguments)],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process):
    printed, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors[-4000:]
    return printed.splitlines()[-1] if printed else None


@pytest.mark.parametrize(
    "part, count", [("modules", 30), ("backbones", 10)], ids=["modules", "backbones"]
)
def test_each_reads_what_the_other_wrote(part, count, tmp_path):
    """To 1e-5 of the largest output."""
    pythons = {"two": sys.executable, "three": OTHER}
    for name in pythons:
        (tmp_path / name).mkdir()
    written = [exchange(pythons[x], "write", part, tmp_path / x) for x in pythons]
    for process in written:
        result(process)
    read = [
        exchange(pythons["two"], "compare", part, tmp_path / "three"),
        exchange(pythons["three"], "compare", part, tmp_path / "two"),
    ]
    for process in read:
        differences = json.loads(result(process))
        assert len(differences) == count
        wrong = {k: v for k, v in differences.items() if not v < 1e-5}
        assert not wrong
