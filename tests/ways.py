"""Gradients, and the ways in which functions run, on whichever backend Keras has."""

import keras
from keras import ops

BACKEND = keras.backend.backend()
# Eagerly everywhere; in a graph of TensorFlow; compiled by XLA.
WAYS = {
    "tensorflow": ["eager", "graph", "compiled"],
    "jax": ["eager", "compiled"],
    "torch": ["eager"],
}[BACKEND]


def gradients(function, *inputs):
    """Derives by each input what `function(*inputs) -> (total, others)` totals.

    Returns:
        The others, and the list of the gradients.
    """
    inputs = [ops.convert_to_tensor(x) for x in inputs]
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total, others = function(*inputs)
        return others, tape.gradient(total, inputs)
    if BACKEND == "jax":
        import jax

        places = tuple(range(len(inputs)))
        found, others = jax.grad(function, places, has_aux=True)(*inputs)
        return others, list(found)
    import torch

    inputs = [x.detach().requires_grad_() for x in inputs]
    total, others = function(*inputs)
    return others, list(torch.autograd.grad(total, inputs))


def run(way, function, *inputs):
    """Calls a function, which must be a new one for each setting that it closes over.

    "graph" and "compiled" are without and with XLA.
    """
    if way == "eager":
        return function(*inputs)
    if BACKEND == "jax":
        import jax

        return jax.jit(function)(*inputs)
    import tensorflow as tf

    from keras_seg import xla_scope

    with xla_scope(way == "compiled"):
        return tf.function(function)(*inputs)
