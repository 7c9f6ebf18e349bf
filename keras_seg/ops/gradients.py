"""Custom gradients with one convention on all backends."""

import keras
from keras import ops


def custom_gradient(function):
    """Decorates a function of tensors that defines its own gradient.

    The convention of `keras.ops.custom_gradient` depends on the backend: TensorFlow
    passes the gradient function one argument per output, JAX passes all in one, and
    Keras's PyTorch backend supports only a single output. This decorator follows
    TensorFlow on all backends.

    Args:
        function: function of tensors (not Keras variables) that returns a pair: its
            output, a tensor or a tuple of tensors, and a function `gradient`.
            `gradient` takes the derivatives with respect to each output and returns a
            tuple of derivatives with respect to each argument, of their dtypes.

    Returns:
        Function of the same tensors that returns the output.

    Example:
        ```python
        @custom_gradient
        def square(x):
            return x * x, lambda upstream: (2 * x * upstream,)
        ```
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return _of_torch(function)
    return ops.custom_gradient(_of_jax(function) if backend == "jax" else function)


def _of_jax(function):
    def with_gradient(*args):
        output, gradient = function(*args)
        if not isinstance(output, tuple):
            return output, gradient
        return output, lambda upstream: gradient(*upstream)

    return with_gradient


def _of_torch(function):
    import torch

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(context, *args):
            output, context.gradient = function(*args)
            return output

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context, *upstream):
            return context.gradient(*upstream)

    return Function.apply
