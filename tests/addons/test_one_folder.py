"""Only one folder knows of Keras 2."""

import re
import sys

import keras
import pytest

from tests.paths import ROOT


def test_nothing_else_asks_for_the_version_of_keras():
    package = ROOT / "keras_seg"
    asking = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if re.search(r"keras\.(__version__|version\()|_keras2", path.read_text())
    }
    assert sorted(asking) == ["__init__.py", "_keras2"]


def test_keras_3_never_loads_it():
    is_loaded = "keras_seg._keras2" in sys.modules
    assert is_loaded == keras.__version__.startswith("2.")


@pytest.mark.skipif(not keras.__version__.startswith("2."), reason="on Keras 2 alone")
def test_what_keras_2_lacks_is_no_layer():
    with pytest.raises(NotImplementedError, match="Keras 3"):
        keras.layers.GroupQueryAttention(2, 1, 1)
