import importlib
import os
import platform
import subprocess
import sys

import pytest

from keras_seg.onednn import is_onednn_on


@pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="TensorFlow comes with oneDNN for Linux on x86 only",
)
@pytest.mark.parametrize(("setting", "is_on"), [("0", "False"), ("1", "True")])
def test_follows_the_environment(setting, is_on):
    code = "from keras_seg.onednn import is_onednn_on; print(is_onednn_on())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": setting},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[-1:] == [is_on], done.stderr


PACKAGE, MODULE = "tensorflow.python.util", "_pywrap_util_port"


def test_is_off_without_the_function(monkeypatch):
    module = importlib.import_module(f"{PACKAGE}.{MODULE}")
    monkeypatch.delattr(module, "IsMklEnabled")
    assert is_onednn_on() is False


def test_is_off_without_the_module(monkeypatch):
    monkeypatch.delattr(importlib.import_module(PACKAGE), MODULE)
    monkeypatch.setitem(sys.modules, f"{PACKAGE}.{MODULE}", None)
    assert is_onednn_on() is False
