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


def once_differentiable(name):
    """Returns a `custom_gradient` for functions that have no second derivative.

    The gradients of such functions read their arguments without a gradient, so that
    backends would compute a wrong second derivative without an error. Differentiating
    these gradients raises a NotImplementedError instead.

    Args:
        name: str. The name of the op in the error message.

    Returns:
        Decorator, used like `custom_gradient`. On PyTorch, whose custom gradients are
        never differentiated, the error is PyTorch's own RuntimeError.

    Example:
        ```python
        @once_differentiable("square")
        def square(x):
            return x * x, lambda upstream: (2 * keras.ops.stop_gradient(x) * upstream,)
        ```
    """

    def decorate(function):
        def with_gradient(*args):
            output, gradient = function(*args)

            def first(*upstream):
                return _without_derivative(name, gradient(*upstream), args)

            return output, first

        is_torch = keras.backend.backend() == "torch"
        return custom_gradient(function if is_torch else with_gradient)

    return decorate


def _without_derivative(name, gradients, args):
    """Returns gradients that raise an error when they are differentiated."""

    @custom_gradient
    def unchanged(*tensors):
        def second(*_):
            raise NotImplementedError(
                f"`{name}` has no second derivative, because it computes its gradient "
                "in blocks. Hessians and gradient penalties must not contain it."
            )

        return tensors[: len(gradients)], second

    # Takes the arguments too, so that the gradients depend on them.
    return unchanged(*gradients, *args)


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
