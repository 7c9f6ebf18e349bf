import numpy as np
import pytest
from keras import ops

from keras_seg.layers import AtrousSpatialPyramidPooling
from tests.checks import check_layer


@pytest.mark.parametrize(("separable", "weights"), [(False, (12, 8)), (True, (18, 12))])
def test_contract(tmp_path, separable, weights):
    layer = AtrousSpatialPyramidPooling(4, (1, 2), separable)
    check_layer(layer, (2, 6, 5, 3), (2, 6, 5, 16), weights, tmp_path)


def test_branches_come_in_the_released_order():
    """Image mean, 1x1 convolution, then each dilation rate, all with ReLU."""
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")
    layer = AtrousSpatialPyramidPooling(4, (2,))
    layer.build(x.shape)
    out = ops.convert_to_numpy(layer(x))

    def project(values, branch):
        kernel = ops.convert_to_numpy(branch.conv.kernel)[0, 0]
        return np.maximum(values @ kernel / np.sqrt(1 + 1e-5), 0)

    mean = x.mean(axis=(1, 2), keepdims=True)
    expected = np.broadcast_to(project(mean, layer.image_branch), (2, 6, 5, 4))
    np.testing.assert_allclose(out[..., :4], expected, atol=1e-5)
    np.testing.assert_allclose(out[..., 4:8], project(x, layer.point_branch), atol=1e-5)
    kernel = ops.convert_to_numpy(layer.dilated_branches[0].conv.kernel)
    padded = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)])
    dilated = sum(
        padded[:, 2 * i : 2 * i + 6, 2 * j : 2 * j + 5] @ kernel[i, j]
        for i, j in np.ndindex(3, 3)
    )
    expected = np.maximum(dilated / np.sqrt(1 + 1e-5), 0)
    np.testing.assert_allclose(out[..., 8:], expected, atol=1e-5)


@pytest.mark.parametrize("options", [{"filters": 0}, {"dilation_rates": (6, 0)}])
def test_rejects_bad_arguments(options):
    with pytest.raises(ValueError, match="must be a positive integer. Received"):
        AtrousSpatialPyramidPooling(**options)


@pytest.mark.parametrize("rates", [6, "6"])
def test_rates_are_a_sequence(rates):
    with pytest.raises(ValueError, match="`dilation_rates` must be a sequence of"):
        AtrousSpatialPyramidPooling(dilation_rates=rates)
