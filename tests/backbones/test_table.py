"""The table in the docs is of this catalog."""

import pathlib

from keras_seg import backbones
from keras_seg.backbones import pretrained
from tests.backbones.test_catalog import CHANNELS

TABLE = pathlib.Path(__file__).parents[2] / "docs" / "guides" / "backbone_table.md"


def test_names_channels_and_weights():
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| `")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0].strip("`") for row in rows] == backbones.names()
    for name, _, channels, *_, weights in (
        (row[0].strip("`"), *row[1:]) for row in rows
    ):
        assert weights == (pretrained.source(name) or "–")
        if name in CHANNELS:
            expected = ["–" if c is None else str(c) for c in CHANNELS[name]]
            assert channels.split(", ") == expected
