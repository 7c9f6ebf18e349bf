import numpy as np
import pytest
from keras import ops

from keras_seg.layers import ResizeLike
from tests.checks import check_layer
from tests.ops import references


def test_contract(tmp_path):
    shapes = [(2, 3, 4, 5), (2, 9, 7, 1)]
    check_layer(ResizeLike(), shapes, (2, 9, 7, 5), (0, 0), tmp_path)


def test_takes_the_size_of_the_reference():
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 2))
    for align_corners in (False, True):
        result = ResizeLike(align_corners)([x, ops.ones((1, 5, 9, 7))])
        expected = references.resize_bilinear(x, (5, 9), align_corners)
        np.testing.assert_allclose(ops.convert_to_numpy(result), expected, atol=1e-6)


def test_maps_of_a_padded_image_are_cropped():
    x = np.random.default_rng(0).normal(size=(1, 3, 4, 2))
    result = ResizeLike(multiple=4)([x, ops.ones((1, 5, 8, 7))])
    expected = references.resize_bilinear(x, (8, 8), False)[:, :5]
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, atol=1e-6)


@pytest.mark.parametrize("multiple", [0, -1, 1.5])
def test_rejects_bad_multiples(multiple):
    with pytest.raises(ValueError, match="`multiple` must be a positive integer"):
        ResizeLike(multiple=multiple)
