import numpy as np
import pytest
import tensorflow as tf

import keras_seg
from keras_seg.ops.crossentropy import crossentropies

pytestmark = pytest.mark.backend("tensorflow", "XLA in tf.functions")


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("classes", [2, 19])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e30])
def test_value_and_gradient(compiled, classes, scale):
    rng = np.random.default_rng(0)
    logits = scale * rng.normal(size=(2, 3, 4, classes)).astype("float32")
    labels = rng.integers(0, classes, (2, 3, 4), "int32")

    def step(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = crossentropies(labels, logits)
        return losses, tape.gradient(losses, logits)

    with keras_seg.xla_scope(compiled):
        spec = tf.TensorSpec((None, 3, 4, classes))
        traced = tf.function(step, autograph=False).get_concrete_function(spec)
    functions = traced.graph.as_graph_def().library.function
    assert any(f.attr["_XlaMustCompile"].b for f in functions) == compiled
    losses, gradient = traced(tf.constant(logits))

    shifted = logits.astype("float64") - logits.max(-1, keepdims=True)
    exponents = np.exp(shifted)
    actual = np.eye(classes)[labels]
    expected = np.log(exponents.sum(-1)) - (shifted * actual).sum(-1)
    probabilities = exponents / exponents.sum(-1, keepdims=True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(gradient, probabilities - actual, atol=1e-6)
