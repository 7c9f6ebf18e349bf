"""The names in docs/guides/addons.md are there."""

import importlib
import operator
import re

import pytest

from tests.paths import ROOT

GUIDE = (ROOT / "docs" / "guides" / "addons.md").read_text()


def names(root):
    table = GUIDE[GUIDE.index("## From tensorflow-addons") :]
    return sorted(set(re.findall(rf"`({root}\.[\w.]+)`", table)))


def check(module, root):
    library = importlib.import_module(module)
    found = names(root)
    assert found
    missing = []
    for name in found:
        try:
            operator.attrgetter(name.partition(".")[2])(library)
        except AttributeError:
            missing.append(name)
    assert not missing


def test_of_tensorflow_addons():
    reason = "tensorflow-addons is not installed"
    pytest.importorskip("tensorflow_addons", reason=reason)
    check("tensorflow_addons", "tfa")


@pytest.mark.keras3("what replaces tensorflow-addons is there")
@pytest.mark.parametrize("module", ["keras", "keras_cv", "keras_seg"])
def test_of_what_replaces_it(module):
    check(module, module)
