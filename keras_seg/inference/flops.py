from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_seg.ops.sizes import require_size
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
        TypeError: If the model is not functional.
        ValueError: If the model has several inputs, or a loop, such as that of a
            `sliding_window`, whose operations the profiler cannot count; or if `size`
            is not a pair of positive integers.

    Example:
        `flops(inference_model(DSRL(11, "resnet18")), (180, 240)) / 1e9`
    """
    require_tensorflow("flops")
    size = require_size("size", size)
    inputs = getattr(model, "inputs", None)
    if not isinstance(model, keras.Model) or not inputs:
        raise TypeError(
            "`model` must be a functional keras.Model. Received: "
            f"{type(model).__name__}"
        )
    if len(inputs) > 1:
        raise ValueError(
            "`model` must have one input, images. Received: "
            f"{model.name!r} with {[tensor.name for tensor in inputs]}. "
            "`keras_seg.models.inference_model` removes those of training."
        )
    image = tf.TensorSpec((1, *size, inputs[0].shape[-1]))
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
