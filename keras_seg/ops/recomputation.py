"""Convolutions that recompute their input for the gradient instead of keeping it."""

import contextlib
import contextvars
import functools

from keras_seg.ops.batch_norm import fused_batch_norm
from keras_seg.ops.xla import tensorflow

# A variable of each thread, as replicas are traced in threads that take turns.
_is_recomputing = contextvars.ContextVar("is_recomputing", default=False)


@contextlib.contextmanager
def recomputed():
    """Context manager for calls that are computed again for the gradient as a whole.

    In it, `recompute_input` only convolves.
    """
    token = _is_recomputing.set(True)
    try:
        yield
    finally:
        _is_recomputing.reset(token)


def recompute_input(convolve, x, kernel):
    """Convolves a map without keeping it in memory until the gradient is computed.

    When a graph is traced on the TensorFlow backend for CPUs, and `x` is the output of
    `fused_batch_norm_of_batch`, or of a ReLU, ReLU6 or dropout after it, the gradient
    normalizes the input of the batch norm again, which is in memory anyway. A training
    step then keeps one map per convolution instead of two. Otherwise, this is
    `convolve(x, kernel)`.

    Args:
        convolve: function of `x` and `kernel`.
        x: float tensor `(batch, height, width, channels)`.
        kernel: tensor.

    Returns:
        What `convolve` returns, with the same gradients.

    References:
        [Rota Bulò et al., 2018](https://arxiv.org/abs/1712.02616), section 3, without
        inverting activations.
    """
    tf = tensorflow()
    if tf is None or tf.executing_eagerly() or tf.config.get_visible_devices("GPU"):
        return convolve(x, kernel)
    if _is_recomputing.get():
        return convolve(x, kernel)
    norm, activate = _norm_before(tf, x)
    if norm is None:
        return convolve(x, kernel)

    @tf.custom_gradient
    def conv(_, kernel):
        def gradient(dz):
            with tf.control_dependencies([dz]):  # not before it is needed
                y = _normalized_again(tf, norm)
            with tf.GradientTape() as tape:
                tape.watch([y, kernel])
                z = convolve(activate(y), kernel)  # pruned: nothing reads its value
            return tape.gradient(z, [y, kernel], dz)

        return convolve(x, kernel), gradient

    return conv(norm.outputs[0], tf.convert_to_tensor(kernel))


def _norm_before(tf, x):
    """Returns the op of a batch norm of the batch, and the function from it to `x`.

    The op is None if `x` is no such batch norm, also with a ReLU and dropout after it.
    """
    op, functions = getattr(x, "op", None), []
    while op is not None and (elementwise := _elementwise(tf, op)):
        function, source = elementwise
        functions.insert(0, function)
        op = source.op
    if op is None or op.type != "FusedBatchNormV3" or not op.get_attr("is_training"):
        op = None
    return op, lambda y: functools.reduce(lambda z, function: function(z), functions, y)


def _elementwise(tf, op):
    """Returns what a ReLU or dropout computes, and from which tensor; else None.

    Dropout multiplies by a constant, and selects from the product or zero.
    """
    if op.type in ("Relu", "Relu6"):
        return (tf.nn.relu if op.type == "Relu" else tf.nn.relu6), op.inputs[0]
    if op.type == "SelectV2" and op.inputs[1].op.type == "Mul":
        kept, product, zero = op.inputs
        x, scale = product.op.inputs
        if scale.op.type == zero.op.type == "Const":
            return lambda y: tf.where(kept, y * scale, zero), x
    return None


def _normalized_again(tf, norm):
    """Returns the output of a batch norm from the statistics that it computed.

    Its gradient is that of the batch norm, for second derivatives.
    """
    x, gamma, beta, *_ = norm.inputs
    # On a CPU, the first two of the reserved outputs are the mean and the variance.
    *_, mean, variance, reserved = norm.outputs
    epsilon = norm.get_attr("epsilon")

    @tf.custom_gradient
    def normalized(x, gamma, beta):
        def gradient(dy):
            return tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=dy,
                x=x,
                scale=gamma,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=reserved,
                epsilon=epsilon,
            )[:3]

        return fused_batch_norm(x, gamma, beta, mean, variance, epsilon), gradient

    return normalized(x, gamma, beta)
