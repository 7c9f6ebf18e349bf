import numpy as np
import pytest

from keras_seg.layers import CropToCells
from tests.checks import check_layer


@pytest.mark.parametrize(
    ("layer", "image", "cells"),
    [
        (CropToCells(16), (45, 60), (3, 4)),
        (CropToCells(1, scale=2), (3, 2), (6, 4)),
        (CropToCells(4, scale=3), (5, 3), (4, 3)),
    ],
)
def test_contract(layer, image, cells, tmp_path):
    inputs = [(2, 7, 8, 3), (2, *image, 1)]
    check_layer(layer, inputs, (2, *cells, 3), (0, 0), tmp_path)


def test_the_cells_at_the_top_left_stay():
    x = np.random.default_rng(0).normal(size=(1, 5, 6, 2)).astype("float32")
    cropped = CropToCells(8)([x, np.zeros((1, 17, 32, 1))])
    np.testing.assert_array_equal(cropped, x[:, :3, :4])


@pytest.mark.parametrize("options", [{"stride": 0}, {"stride": 2, "scale": 1.5}])
def test_rejects_bad_arguments(options):
    with pytest.raises(ValueError, match="must be a positive integer"):
        CropToCells(**options)
