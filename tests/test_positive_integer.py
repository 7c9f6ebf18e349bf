import keras
import numpy as np
import pytest

from keras_seg.ceil_division import ceil_division
from keras_seg.models import network_info
from keras_seg.positive_integer import require_positive_integer
from tests.models.networks import tiny_spnet


@pytest.mark.parametrize("value", [0, -3, 1.0, "2", None, True])
def test_rejects(value):
    with pytest.raises(ValueError, match="`scale` must be a positive integer.*scale="):
        require_positive_integer("scale", value)


@pytest.mark.parametrize("value", [1, np.int64(1), np.uint8(1)])
def test_returns_an_int(value):
    assert type(require_positive_integer("scale", value)) is int


def test_networks_with_numpy_integers_can_be_saved(tmp_path):
    model = tiny_spnet(np.array([[0, 2], [1, 3]]).max() + 1)
    model.save(tmp_path / "spnet.keras")
    loaded = keras.saving.load_model(tmp_path / "spnet.keras")
    assert network_info(loaded).num_labels == 4


@pytest.mark.parametrize("divisor", [1, 2, 7])
def test_division_rounds_up(divisor):
    numbers = np.arange(20)
    expected = np.ceil(numbers / divisor)
    np.testing.assert_array_equal(ceil_division(numbers, divisor), expected)
    assert ceil_division(21, divisor) == np.ceil(21 / divisor)
