"""Paths of recorded outputs, and of data that is not in the repository."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"


def shared(relative):
    """A path of CamVid or of whole released networks, or a skip that says why."""
    folder = pathlib.Path(os.environ.get("KERAS_SEG_SHARED", ROOT.parent / "shared"))
    path = folder / relative
    if not path.exists():
        pytest.skip(f"{relative} is not here: set KERAS_SEG_SHARED to the folder of it")
    return path
