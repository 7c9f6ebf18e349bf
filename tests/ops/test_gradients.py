import numpy as np
import pytest
from keras import ops

from keras_seg.ops.gradients import custom_gradient
from tests.ways import WAYS, gradients, run


@custom_gradient
def pair(a, b):
    """Two outputs of two arguments, with gradients that differ from the true ones."""
    return (a * b, a + b), lambda by_product, by_sum: (10 * by_product, by_sum - 1)


@custom_gradient
def single(a):
    return a**2, lambda upstream: (7 * upstream,)


@pytest.mark.parametrize("way", WAYS)
def test_custom_gradients_are_used(way):
    a, b = np.array([2.0, 3.0], "float32"), np.array([5.0, 7.0], "float32")

    def total(a, b):
        product, plus = pair(a, b)
        return ops.sum(3 * product) + ops.sum(4 * plus) + ops.sum(single(a)), product

    def step(a, b):
        product, found = gradients(total, a, b)
        return product, *found

    product, by_a, by_b = run(way, step, ops.array(a), ops.array(b))
    np.testing.assert_array_equal(product, a * b)
    np.testing.assert_array_equal(by_a, [3 * 10 + 7] * 2)
    np.testing.assert_array_equal(by_b, [4 - 1] * 2)


def test_unused_outputs_have_zero_gradients():
    _, found = gradients(
        lambda a, b: (ops.sum(pair(a, b)[0]), a), np.ones(2), np.ones(2)
    )
    np.testing.assert_array_equal(found, [[10, 10], [-1, -1]])
