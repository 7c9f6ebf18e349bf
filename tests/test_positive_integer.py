import numpy as np
import pytest

from keras_seg.ceil_division import ceil_division
from keras_seg.positive_integer import require_positive_integer


@pytest.mark.parametrize("value", [0, -3, 1.0, "2", None, True])
def test_rejects(value):
    with pytest.raises(ValueError, match="`scale` must be a positive integer.*scale="):
        require_positive_integer("scale", value)


def test_accepts():
    require_positive_integer("scale", 1)


@pytest.mark.parametrize("divisor", [1, 2, 7])
def test_division_rounds_up(divisor):
    numbers = np.arange(20)
    expected = np.ceil(numbers / divisor)
    np.testing.assert_array_equal(ceil_division(numbers, divisor), expected)
    assert ceil_division(21, divisor) == np.ceil(21 / divisor)
