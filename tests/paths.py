"""Where tests find the data that is shared outside of the project."""

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def shared(relative):
    """A path below the shared data, or a skip that says why."""
    folder = pathlib.Path(os.environ.get("KERAS_SEG_SHARED", ROOT.parent / "shared"))
    path = folder / relative
    if not path.exists():
        pytest.skip(f"{relative} is not here: set KERAS_SEG_SHARED to the folder of it")
    return path
