"""The page's components, without a browser."""

import numpy as np
import pytest

pytest.importorskip("gradio")

from keras_seg.app import Network
from keras_seg.app.page import page


def test_all_tabs_are_there_and_equal_names_are_told_apart():
    networks = [
        Network("sky", lambda image: np.zeros(image.shape[:2], int), 2)
        for _ in range(2)
    ]
    components = page(networks).config["components"]
    props = {x["props"].get("elem_id"): x["props"] for x in components}
    assert {"photograph", "segment", "overlay", "look", "prior", "compare"} <= {*props}
    names = [value for _, value in props["model"]["choices"]]
    assert names == ["sky", "sky (2)"]
