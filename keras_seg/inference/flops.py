from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_seg.ops.xla import require_tensorflow, xla_scope

_LOOPS = "While", "StatelessWhile"


def flops(model: keras.Model, size: Sequence[int]) -> int:
    """Counts the floating point operations of a prediction for one image.

    A multiply-add counts as two operations. TensorFlow's profiler counts them on the
    graph of the model's inference. Matrix products of `einsum` are added, since the
    profiler omits those that contract the last axis of the first argument, as in
    attention. The result does not depend on `set_xla`.

    Args:
        model: `keras.Model` with one input, images.
        size: pair of ints, height and width of the image.

    Returns:
        int, the number of floating point operations.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
        ValueError: If the model has a loop, such as that of a `sliding_window`, whose
            operations the profiler cannot count.

    Example:
        `flops(inference_model(DSRL(11, "resnet18")), (180, 240)) / 1e9`
    """
    require_tensorflow("flops")
    image = tf.TensorSpec((1, *size, model.input_shape[-1]))
    function = tf.function(lambda x: model(x, training=False))
    with xla_scope(False):  # the profiler does not look into compiled functions
        graph = function.get_concrete_function(image).graph
    if any(operation.type in _LOOPS for operation in graph.get_operations()):
        raise ValueError(
            "The model must not have loops, whose operations cannot be counted. "
            f"Received: {model.name!r}. Count those of a window by the network itself."
        )
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    counted = tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
    return counted + sum(
        2 * operation.outputs[0].shape.num_elements() * operation.inputs[0].shape[-1]
        for operation in graph.get_operations()
        if operation.type == "Einsum"
    )
