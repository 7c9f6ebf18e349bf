import numpy as np
import pytest
from keras import ops

from keras_seg.ops import affinity_loss, feature_affinity, fused_prior
from keras_seg.ops.gradients import custom_gradient
from tests.ways import BACKEND, WAYS, gradients, run


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


LABELS = np.array([[0, 0, 1, 1, 255, 2]], "int32")
# name: (op, shapes of its arguments)
IN_BLOCKS = {
    "affinity_loss": (lambda z: affinity_loss(z, LABELS, 3), [(1, 6, 6)]),
    "feature_affinity": (feature_affinity, [(1, 6, 4), (1, 6, 3)]),
    "fused_prior": (
        lambda x, kernel, bias: ops.sum(fused_prior(x, kernel, bias, LABELS, 3)[0]),
        [(1, 6, 4), (4, 6), (6,)],
    ),
}


@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch raises an error of its own")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", IN_BLOCKS)
def test_second_derivatives_of_ops_in_blocks_are_an_error(name, way):
    op, shapes = IN_BLOCKS[name]
    rng = np.random.default_rng(0)
    inputs = [ops.array(rng.normal(size=shape).astype("float32")) for shape in shapes]

    def squares(*inputs):
        _, found = gradients(lambda *x: (ops.sum(op(*x)), x[0]), *inputs)
        return sum(ops.sum(x**2) for x in found), found

    total, _ = run(way, lambda *x: squares(*x), *inputs)
    assert float(total) > 0  # the first derivative is there
    with pytest.raises(NotImplementedError, match=f"{name}.* has no second derivative"):
        run(way, lambda *x: gradients(squares, *x), *inputs)
