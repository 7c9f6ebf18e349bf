import warnings

import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import MixedPooling
from tests.checks import check_layer


def test_contract(tmp_path):
    layer = MixedPooling(pool_sizes=(3, (2, 4)))
    # 10 convolutions, each with a kernel, a scale and an offset.
    check_layer(layer, (2, 6, 5, 8), (2, 6, 5, 8), (30, 20), tmp_path)


def test_parameters_of_the_paper():
    layer = MixedPooling()
    layer.build((None, None, None, 1024))
    parameters = sum(np.prod(w.shape) for w in layer.trainable_weights)
    assert round(parameters / 1e6, 2) == 4.40


def test_more_bins_than_cells_warns_and_names_a_size_that_would_pool():
    layer = MixedPooling(pool_sizes=(4, 2))
    with pytest.warns(UserWarning, match=r"4 x 4 bins over.*at most 3 x 4 bins"):
        layer(ops.ones((1, 3, 6, 4)))


def test_grids_that_fit_or_sizes_that_are_unknown_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        MixedPooling(pool_sizes=(4, 2))(ops.ones((1, 4, 6, 4)))
        MixedPooling(pool_sizes=(4, 2))(keras.Input((None, None, 4)))


@pytest.mark.parametrize("pool_sizes", [(20, 12), (3, (2, 4)), [6, 3]])
def test_the_configuration_keeps_the_sizes(pool_sizes):
    assert MixedPooling(pool_sizes).get_config()["pool_sizes"] == pool_sizes


@pytest.mark.parametrize(
    "pool_sizes",
    [(0, 2), (-1,), (2.5,), ((1, 2, 3),), ("4",), 3, np.array([3, 2])],
    ids=str,
)
def test_rejects_bad_pool_sizes(pool_sizes):
    with pytest.raises(ValueError, match="Received: pool_sizes="):
        MixedPooling(pool_sizes)


@pytest.mark.parametrize("channels", [6, None])
def test_rejects_channels_that_cannot_be_quartered(channels):
    with pytest.raises(ValueError, match="divisible by 4"):
        MixedPooling().build((None, None, None, channels))
