"""XLA compilation of the core ops, and access to TensorFlow.

Compiling a whole train step fails under `MirroredStrategy`, while compiled functions
inside a step work. Each core op is therefore a `tf.function(jit_compile=True)`. The
effect of XLA on a CPU is measured in docs/benchmarks.md.
"""

import contextlib
import functools
from collections.abc import Iterator

import keras

_enabled = None


def set_xla(enabled: bool | None) -> None:
    """Turns the compilation of the core ops by XLA on or off.

    The setting applies to everything that is traced afterwards; functions that were
    traced before do not change. It has no effect on backends other than TensorFlow.

    Args:
        enabled: bool or None. True compiles all core ops, False none. None, the
            default, compiles all of them if TensorFlow sees an accelerator. On a CPU it
            compiles all except `adaptive_average_pool`, `resize_bilinear` and
            `prior_context`, which are faster without XLA.

    Raises:
        TypeError: If `enabled` is neither a bool nor None.

    Example:
        ```python
        keras_seg.set_xla(False)
        model.compile("sgd", loss)  # training traces plain ops
        ```
    """
    global _enabled
    if enabled is not None and not isinstance(enabled, bool):
        raise TypeError(f"`enabled` must be a bool or None. Received: {enabled=}")
    _enabled = enabled


@contextlib.contextmanager
def xla_scope(enabled: bool | None) -> Iterator[None]:
    """Context manager that applies `set_xla` within a `with` block.

    Args:
        enabled: See `set_xla`.

    Example:
        ```python
        with keras_seg.xla_scope(False):
            # No op of this graph asks for XLA.
            graph = tf.function(model).get_concrete_function(tf.constant(images))
        ```
    """
    before = _enabled
    set_xla(enabled)
    try:
        yield
    finally:
        set_xla(before)


def tensorflow():
    """Returns the module `tensorflow` if it is the backend of Keras, else None.

    Other ops use this for what `keras.ops` lacks, so that no other file of `ops`
    imports TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    return tf


def has_slow_gathering():
    """Returns whether the gradient of `keras.ops.take` is slow.

    On TensorFlow without a GPU, it transposes the map, sums segments in one thread, and
    transposes the result back.
    """
    tf = tensorflow()
    return tf is not None and not tf.config.get_visible_devices("GPU")


def stop_unless(condition, message, value):
    """Makes a TensorFlow graph raise an error if a condition is false when it runs.

    XLA and other backends skip the check, because compiled functions cannot raise.

    Args:
        condition: scalar bool tensor.
        message: str. The message, to which `value` is appended.
        value: scalar tensor.
    """
    if tf := tensorflow():
        tf.debugging.Assert(condition, [message, value])


def require_tensorflow(name):
    """Raises a RuntimeError if TensorFlow is not the backend of Keras.

    Args:
        name: str. The name of the feature that needs TensorFlow.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"`{name}` needs the TensorFlow backend of Keras. Received: {backend}. "
            "Save the model as a `.keras` file and load it with "
            "KERAS_BACKEND=tensorflow."
        )


def xla_op(function=None, *, on_cpu=True):
    """Decorates an op so that XLA compiles it on TensorFlow.

    A call is compiled if it is traced into a graph and every tensor among the arguments
    has a static shape, apart from the batch axis. Eager calls and dynamic shapes run
    `function` as it is, because XLA compiles again for every concrete shape. So do all
    calls after `set_xla(False)` and on other backends.

    The gradient of a compiled call is compiled too. `function` must be a pure function
    of tensors, followed by hashable Python values, and return tensors.

    Args:
        function: the op, or None if the decorator is called with options.
        on_cpu: bool. False for an op that XLA makes slower on a CPU; there it is
            compiled only after `set_xla(True)`.
    """
    if function is None:
        return functools.partial(xla_op, on_cpu=on_cpu)
    compiled = None

    @functools.wraps(function)
    def op(*args, **kwargs):
        nonlocal compiled
        tf = tensorflow()
        if tf is None or not _should_compile(tf, (args, kwargs), on_cpu):
            return function(*args, **kwargs)
        if compiled is None:
            compiled = tf.function(function, jit_compile=True, autograph=False)
        return compiled(*args, **kwargs)

    return op


def _should_compile(tf, arguments, on_cpu):
    if tf.executing_eagerly() or not _asked_for(tf, on_cpu):
        return False
    # Nested requests have no effect in a function that XLA compiles as a whole.
    leaves = tf.nest.flatten(arguments)
    if any(isinstance(leaf, keras.KerasTensor) for leaf in leaves):
        return False
    tensors = [leaf for leaf in leaves if tf.is_tensor(leaf)]
    # A scalar tensor among the arguments is a dynamic size.
    return all(
        tensor.shape.rank and tensor.shape[1:].is_fully_defined() for tensor in tensors
    )


def _asked_for(tf, on_cpu):
    if _enabled is not None:
        return _enabled
    # Not the logical devices: listing them fixes their configuration.
    return on_cpu or any(
        d.device_type != "CPU" for d in tf.config.get_visible_devices()
    )
