import numpy as np
import pytest
from keras import ops

from keras_seg.layers import AffinityFeatures
from tests.checks import check_layer
from tests.layers.test_feature_affinity import pooled


def test_contract(tmp_path):
    shapes = (2, 9, 15, 3), (2, 2, 3, 3)
    check_layer(AffinityFeatures(4), *shapes, num_weights=(0, 0), tmp_path=tmp_path)


@pytest.mark.parametrize(
    ("size", "subscale", "windows"),
    [((9, 15), 4, (4, 4)), ((3, 12), 5, (3, 5)), ((4, 5), 1, (1, 1))],
)
def test_pools_then_normalizes(size, subscale, windows):
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32")
    x[0] = 0
    means = pooled(x, *windows)
    lengths = np.sqrt((means**2).sum(axis=-1, keepdims=True))
    expected = means / np.where(lengths > 0, lengths, 1)
    result = ops.convert_to_numpy(AffinityFeatures(subscale)(x))
    assert result.shape[1:3] == tuple(map(np.floor_divide, size, windows))
    np.testing.assert_allclose(result.reshape(2, -1, 3), expected, atol=1e-6)


@pytest.mark.parametrize("subscale", [0, 2.5])
def test_rejects_bad_arguments(subscale):
    with pytest.raises(ValueError, match="`subscale` must be.*subscale="):
        AffinityFeatures(subscale)
