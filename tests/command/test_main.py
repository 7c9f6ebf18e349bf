"""Behavior that all commands share."""

import os
import subprocess
import sys

import pytest

from keras_seg.checkpoints.released_model import RELEASES
from keras_seg.command import main, names
from keras_seg.command.main import _COMMANDS
from keras_seg.data import CLASS_TABLES
from keras_seg.data.open_split import DATA_SETS


def python(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def keras_seg(*arguments):
    command = [sys.executable, "-m", "keras_seg", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


# As the script that pip installs, which is called keras-seg.
SCRIPT = """
import sys
sys.argv[0] = "/usr/bin/keras-seg"
from keras_seg.command import main
try:
    main()
finally:
    heavy = {"keras", "tensorflow", "numpy", "PIL"} & sys.modules.keys()
    assert not heavy, heavy
"""


def test_help_and_wrong_arguments_import_nothing():
    calls = [
        ["--help"],
        ["--version"],
        ["predict"],
        ["evaluate", "m", "--data", "voc", "--label-map", "0:0,255:1"],
        ["export", "m", "gs://bucket/spnet/1", "--size", "32", "64"],
        ["train", "spnet", "--output", "gs://bucket/run", "--epochs", "0"],
    ]
    for call in [*calls, *([command, "--help"] for command in _COMMANDS)]:
        done = python(SCRIPT, *call)
        expected = 0 if call[-1] in ("--help", "--version") else 2
        assert done.returncode == expected, done.stderr


def test_unknown_file_systems_are_found_before_the_model_is_read():
    done = keras_seg("export", "missing.keras", "floppy://spnet/1")
    assert done.returncode == 1 and "Received: floppy://spnet/1" in done.stderr


def test_help_is_there_at_once():
    def seconds():
        """Of processors, which other processes of the machine do not lengthen."""
        before = os.times()
        assert keras_seg("--help").returncode == 0
        after = os.times()
        return (after.children_user - before.children_user) + (
            after.children_system - before.children_system
        )

    assert min(seconds() for _ in range(3)) < 0.5


def test_every_command_is_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    words = capsys.readouterr().out.split()
    assert set(_COMMANDS) <= set(words)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: <command>"),
        (["info"], "the following arguments are required: model"),
        (["palette", "voc", "--width", "x"], "--width: invalid int value: 'x'"),
        (["evaluate", "m", "--data", "voc"], "--data voc needs --data-dir"),
        (
            ["evaluate", "m", "--data-dir", "mine"],
            "pass --data folder. Received: --data-dir mine",
        ),
    ],
)
def test_wrong_arguments_have_one_form(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("keras-seg: error: ") and first.endswith(message)
    assert second.startswith("See keras-seg") and second.endswith(" --help.")


def test_what_is_wrong_with_files_has_the_same_form(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["info", "missing.keras"])
    assert stop.value.code == 1
    expected = "keras-seg: error: There is no model file missing.keras\n"
    assert capsys.readouterr().err == expected


def test_tensorflow_is_silent_unless_asked(tmp_path):
    quiet, loud = (
        keras_seg("info", "missing.keras", *flags) for flags in ([], ["--verbose"])
    )
    assert quiet.stderr == "keras-seg: error: There is no model file missing.keras\n"
    assert "Traceback" in loud.stderr
    assert quiet.stderr in loud.stderr


WARNINGS = """
import sys
import warnings
from absl import logging
sys.argv[0] = "/usr/bin/keras-seg"
from keras_seg.command import info, main
def run(args):
    warnings.warn("odd")
    logging.set_verbosity(logging.get_verbosity())  # as TensorFlow does
    logging.warning("Importing a function with custom gradients")
info.run = run
main(["info", "any.keras"])
"""


def test_warnings_are_shown_without_code_and_without_tensorflows():
    assert python(WARNINGS).stderr == "keras-seg: warning: odd\n"


def test_names_are_those_of_the_package():
    assert names.DATA_SETS == DATA_SETS
    assert list(names.CLASS_TABLES) == sorted(CLASS_TABLES)
    assert list(names.RELEASES) == list(RELEASES)
