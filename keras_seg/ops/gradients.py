"""Gradients of one's own, said in one way on every backend."""

import keras
from keras import ops


def custom_gradient(function):
    """Decorates a function of tensors that says its gradient itself.

    `keras.ops.custom_gradient` leaves to the backends how the gradient is asked for:
    TensorFlow gives it one argument for each output, JAX all of them in one, and the
    PyTorch backend of Keras knows a single output alone. Here it is TensorFlow's way
    everywhere.

    Args:
        function: from tensors, not Keras variables, to the pair of its output, a tensor
            or a tuple of them, and `gradient`. That goes from the derivatives by each
            output to the tuple of the derivatives by each argument, of their dtypes.

    Returns:
        A function from the same tensors to the output.

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
