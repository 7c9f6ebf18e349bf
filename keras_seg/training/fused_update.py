"""Updates of variables by one operation of TensorFlow."""

from keras_seg.ops.xla import tensorflow


def has_fused_update(gradient, variable):
    """Returns whether TensorFlow's update operations support a gradient.

    Args:
        gradient: tensor or `tf.IndexedSlices`.
        variable: the variable to update.
    """
    tf = tensorflow()
    return (
        tf is not None
        and variable.dtype == "float32"
        and not isinstance(gradient, tf.IndexedSlices)
    )


def handle(variable):
    """Returns the resource of a TensorFlow or Keras variable on this replica."""
    tf = tensorflow()
    return (variable if isinstance(variable, tf.Variable) else variable.value).handle
