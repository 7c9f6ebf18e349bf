"""The server's start, without Gradio."""

import sys
import tempfile
import types

import pytest

from keras_seg.app import launch


def fail(networks):
    raise RuntimeError("no page")


PAGES = {
    "needs Gradio": None,  # cannot be imported
    "no page": types.SimpleNamespace(CSS="", THEME=None, page=fail),
}


@pytest.mark.parametrize("message", PAGES)
def test_errors_leave_the_usual_folder_for_temporary_files(message, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_seg.app.page", PAGES[message])
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(tempfile, "tempdir", None)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")  # which `launch` changes
    with pytest.raises((ImportError, RuntimeError), match=message):
        launch([])
    assert tempfile.tempdir is None
