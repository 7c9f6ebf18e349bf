"""Every Python block of the README and of the docs runs, and every command parses.

The blocks of a page run one after the other in one namespace. A block that begins with
"```python notest" needs a server, a data set or a model file, and is counted.
"""

import re
import shlex

import pytest

from keras_seg.backbones import keras_cv_networks
from tests.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# tensorflow-addons is not there beside Keras 3.
OTHER_ENVIRONMENT = {"addons.md"}


def blocks(page, language):
    """The (options, text) of the blocks of a page in a language."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [(options, text) for name, options, text in found if name == language]


def pages_with(language):
    return [
        pytest.param(page, id=str(page.relative_to(ROOT)))
        for page in PAGES
        if blocks(page, language) and page.name not in OTHER_ENVIRONMENT
    ]


@pytest.fixture
def short_resnet(monkeypatch):
    """Gives ResNet-18 half of its blocks, since most of a page's time is tracing."""
    blocks = ("basic_block", (1, 1, 1, 1))
    monkeypatch.setitem(keras_cv_networks._RESNETS, "resnet18", blocks)


@pytest.mark.keras3("the docs are of Keras 3")
@pytest.mark.usefixtures("short_resnet")
@pytest.mark.parametrize("page", pages_with("python"))
def test_python_runs(page, tmp_path, monkeypatch):
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for options, text in blocks(page, "python"):
        if "notest" not in options:
            exec(compile(text, str(page), "exec"), namespace)


def test_few_blocks_are_left_out():
    left_out = [
        page.name
        for page in PAGES
        for options, _ in blocks(page, "python")
        if "notest" in options
    ]
    assert len(left_out) <= 10, left_out


def commands(page):
    """The `keras-seg` command lines of a page."""
    for _, text in blocks(page, "sh"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["keras-seg"]:
                yield words[1:]


@pytest.mark.parametrize("page", pages_with("sh"))
def test_commands_parse(page):
    from keras_seg.command.main import _parser

    for words in commands(page):
        _parser().parse_args(words)
