"""Gradients of a layer on TensorFlow."""

import tensorflow as tf


def output_and_gradients(layer, x, training=False):
    """The output of a layer, and the gradients of some function of it.

    Args:
        layer: built layer that takes `training`, or does without it where it is False.
        x: tensor.
        training: bool.

    Returns:
        List of the output, its derivative by `x`, and those by the trainable weights.
    """
    arguments = {"training": True} if training else {}
    # On Keras 2 the weights are TensorFlow's variables.
    weights = [
        weight if isinstance(weight, tf.Variable) else weight.value
        for weight in layer.trainable_weights
    ]
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **arguments)
        total = tf.reduce_sum(tf.sin(3 * tf.cast(y, "float32")))
    return [y, *tape.gradient(total, [x, *weights])]
