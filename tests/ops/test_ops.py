"""Tests every op and its gradient against NumPy, in each way an op can run."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg import ops
from tests.ops import references
from tests.ways import WAYS, gradients, run

SHAPE = (2, 5, 4, 2)
POOL, SIZE = (3, 6), (7, 3)

# name: (op, NumPy reference)
CASES = {
    "strip_pool rows": (lambda x: ops.strip_pool(x)[0], references.strip_rows),
    "strip_pool columns": (lambda x: ops.strip_pool(x)[1], references.strip_columns),
    "adaptive_average_pool": (
        lambda x: ops.adaptive_average_pool(x, POOL),
        lambda x: references.adaptive_average_pool(x, POOL),
    ),
    "adaptive_max_pool": (
        lambda x: ops.adaptive_max_pool(x, POOL),
        lambda x: references.adaptive_max_pool(x, POOL),
    ),
    "resize_bilinear": (
        lambda x: ops.resize_bilinear(x, SIZE),
        lambda x: references.resize_bilinear(x, SIZE, False),
    ),
    "resize_bilinear align_corners": (
        lambda x: ops.resize_bilinear(x, SIZE, align_corners=True),
        lambda x: references.resize_bilinear(x, SIZE, True),
    ),
}
# The other ops are linear.
GRADIENTS = {
    "adaptive_max_pool": lambda reference, x, weights: (
        references.gradient_of_adaptive_max_pool(x, POOL, weights)
    )
}
# One rounding of the result, and a few more on the way in float32.
TOLERANCES = {"float32": 2e-6, "bfloat16": 2**-7}


@functools.cache
def expected(case, shape=SHAPE):
    """Returns input, output, weights, and the gradient of the weighted output sum."""
    rng = np.random.default_rng(1)
    # Values are exact in bfloat16, so that only the op rounds, and all different, so
    # that the maximum is unique.
    x = (rng.permutation(np.prod(shape)).reshape(shape) - 40) / 16
    reference = CASES[case][1]
    output = reference(x)
    weights = rng.integers(-32, 32, size=output.shape) / 16
    gradient = GRADIENTS.get(case, references.gradient_of_linear)
    return x, output, weights, gradient(reference, x, weights)


def value_and_gradient(op, x, weights):
    def total(x):
        output = op(x)
        # The cast keeps the sum out of the precision under test.
        wide = (keras.ops.cast(part, "float32") for part in (output, weights))
        return keras.ops.sum(keras.ops.multiply(*wide)), output

    output, (gradient,) = gradients(total, x)
    return output, gradient


def check(case, dtype, results, shape=SHAPE):
    _, output, _, gradient = expected(case, shape)
    for result, reference in zip(results, (output, gradient), strict=True):
        assert keras.backend.standardize_dtype(result.dtype) == dtype
        scale = np.abs(reference).max()
        np.testing.assert_allclose(
            keras.ops.cast(result, "float32"),
            reference,
            rtol=0,
            atol=TOLERANCES[dtype] * scale,
        )


def inputs(case, dtype, shape=SHAPE):
    x, _, weights, _ = expected(case, shape)
    return tuple(keras.ops.cast(keras.ops.array(y), dtype) for y in (x, weights))


def compiled_functions(function, *args):
    """Returns the names of functions in a traced graph that request XLA."""
    graph = function.get_concrete_function(*args).graph.as_graph_def()
    return [
        f.signature.name for f in graph.library.function if f.attr["_XlaMustCompile"].b
    ]


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("case", CASES)
class TestEveryOp:
    @pytest.mark.parametrize("way", WAYS)
    def test_in_every_way(self, case, dtype, way):
        function = functools.partial(value_and_gradient, CASES[case][0])
        check(case, dtype, run(way, function, *inputs(case, dtype)))

    @pytest.mark.backend("tensorflow", "the graph is read")
    def test_in_a_plain_graph(self, case, dtype):
        function = tf.function(functools.partial(value_and_gradient, CASES[case][0]))
        with ops.xla_scope(False):
            assert not compiled_functions(function, *inputs(case, dtype))

    @pytest.mark.backend("tensorflow", "the graph is read")
    def test_compiled_in_a_graph(self, case, dtype):
        function = tf.function(functools.partial(value_and_gradient, CASES[case][0]))
        with ops.xla_scope(True):
            names = compiled_functions(function, *inputs(case, dtype))
        op = case.split()[0]
        assert any(f"__forward_{op}_" in name for name in names)
        assert any(f"__backward_{op}_" in name for name in names)

    def test_compiled_on_two_replicas(self, case, dtype, two_replicas):
        step = tf.function(
            lambda *args: two_replicas.run(
                functools.partial(value_and_gradient, CASES[case][0]), args
            )
        )
        with ops.xla_scope(True):
            outputs, gradients = step(*inputs(case, dtype))
        for index in range(2):
            results = [
                two_replicas.experimental_local_results(values)[index]
                for values in (outputs, gradients)
            ]
            check(case, dtype, results)
        assert compiled_functions(step, *inputs(case, dtype))

    @pytest.mark.backend("tensorflow", "graphs of run-time sizes")
    def test_run_time_sizes_share_one_plain_trace(self, case, dtype):
        traces = []

        def counted(x, weights):
            traces.append(x.shape)
            return value_and_gradient(CASES[case][0], x, weights)

        spec = tf.TensorSpec((None, None, None, None), dtype)
        function = tf.function(counted, input_signature=[spec, spec])
        for shape in [(1, 1, 1, 1), (2, 5, 4, 2), (1, 6, 9, 1), (1, 3, 2, 3)]:
            with ops.xla_scope(True):
                results = function(*inputs(case, dtype, shape))
            check(case, dtype, results, shape)
        assert len(traces) == 1
        assert not compiled_functions(function)


@pytest.mark.backend("tensorflow", "graphs of run-time sizes")
def test_resizing_to_a_dynamic_size():
    x, target = tf.ones((1, 3, 4, 2)), tf.TensorSpec((None, None), "float32")
    function = tf.function(
        lambda like: ops.resize_bilinear(x, tf.unstack(tf.shape(like))),
        input_signature=[target],
    )
    assert function(tf.zeros((6, 7))).shape == (1, 6, 7, 2)
    assert function(tf.zeros((1, 9))).shape == (1, 1, 9, 2)


@pytest.mark.parametrize("size", [(360, 480), (97, 131), (11, 9)])
def test_half_pixel_resizing_equals_tensorflow(size):
    """The tolerance allows for TensorFlow's float32 positions."""
    x = np.random.default_rng(0).normal(size=(1, 45, 60, 3)).astype("float32")
    result = ops.resize_bilinear(keras.ops.array(x), size)
    np.testing.assert_allclose(result, tf.image.resize(x, size), atol=5e-5)


def test_weights_stay_exact_on_large_maps():
    """A ramp stays a ramp: float32 positions would be off by 1e-4 cells here."""
    ramp = keras.ops.reshape(keras.ops.arange(4096, dtype="float32"), (1, 1, 4096, 1))
    result = ops.resize_bilinear(ramp, (1, 5000), align_corners=True)[0, 0, :, 0]
    exact = np.arange(5000) * (4095 / 4999)
    np.testing.assert_allclose(result, exact, rtol=2e-7, atol=2e-7)


def test_averages_of_half_precision_maps_do_not_overflow():
    x = keras.ops.full((1, 64, 64, 1), 60000, dtype="float16")
    rows, columns = ops.strip_pool(x)
    grid = ops.adaptive_average_pool(x, (2, 2))
    for pooled in (rows, columns, grid):
        assert (np.array(pooled) == np.float16(60000)).all()


def test_float64_keeps_its_digits(float64):
    x = np.random.default_rng(0).normal(size=(1, 6, 7, 2))
    result = ops.adaptive_average_pool(keras.ops.array(x), (4, 3))
    reference = references.adaptive_average_pool(x, (4, 3))
    np.testing.assert_allclose(result, reference, rtol=1e-13)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(1, 40000), (40000, 1)])
def test_resizing_a_large_map_to_its_own_size_keeps_it(size, align_corners):
    """Positions exceed 32 bits here."""
    x = np.arange(40000, dtype="float32").reshape(1, *size, 1)
    result = ops.resize_bilinear(keras.ops.array(x), size, align_corners)
    np.testing.assert_array_equal(result, x)


@pytest.mark.backend("tensorflow", "graphs of run-time sizes")
@pytest.mark.parametrize("align_corners", [False, True])
def test_large_maps_may_have_run_time_sizes(align_corners):
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, None))])
    def same(x):
        return ops.resize_bilinear(x, tf.unstack(tf.shape(x)[1:3]), align_corners)

    x = np.arange(40000, dtype="float32").reshape(1, 1, 40000, 1)
    np.testing.assert_array_equal(same(x), x)
