"""Where the ops meet TensorFlow: compilation by XLA, and the gate to TensorFlow itself.

Compiling a whole train step fails under `MirroredStrategy`, while compiled functions
inside a step work. So each core op is a `tf.function(jit_compile=True)` of its own.
What XLA gains and costs on a CPU, by op and by network, is in docs/benchmarks.md.
"""

import contextlib
import functools

import keras

_enabled = None


def set_xla(enabled):
    """Turns the compilation of the core ops by XLA on or off.

    It holds for everything that is traced afterwards; functions that were traced
    before keep what they have. On backends other than TensorFlow there is nothing to
    switch.

    Args:
        enabled: True compiles all core ops, False none. None, as it is when the package
            is imported, compiles all where TensorFlow sees an accelerator; on a CPU
            those that XLA makes faster there: all but `resize_bilinear`, which takes
            twice as long compiled, and `prior_context`.

    Raises:
        TypeError: If `enabled` is neither a bool nor None.

    Example:

    ```python
    keras_seg.set_xla(False)
    model.compile(...)  # traces plain ops
    ```
    """
    global _enabled
    if enabled is not None and not isinstance(enabled, bool):
        raise TypeError(f"`enabled` must be a bool or None. Received: {enabled=}")
    _enabled = enabled


@contextlib.contextmanager
def xla_scope(enabled):
    """`set_xla` for the length of a `with` block.

    Example:

    ```python
    with keras_seg.xla_scope(False):
        export(model)  # no op of this graph asks for XLA
    ```
    """
    before = _enabled
    set_xla(enabled)
    try:
        yield
    finally:
        set_xla(before)


def tensorflow():
    """The module `tensorflow` where Keras runs on it, else None.

    The other files of `ops` come here for the little that `keras.ops` lacks, so that
    this one stays the only file of the mathematics that imports TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    return tf


def has_slow_gathering():
    """Whether the gradient of `keras.ops.take` is slow: on TensorFlow without a GPU.

    It transposes the map, adds up segments in one thread, and transposes it back.
    """
    tf = tensorflow()
    return tf is not None and not tf.config.get_visible_devices("GPU")


def stop_unless(condition, message, value):
    """Stops a graph of TensorFlow where a condition does not hold when it runs.

    XLA leaves it out, and so do the other backends: what they compile cannot stop.

    Args:
        condition: scalar bool tensor.
        message: str, which `value` ends.
        value: scalar tensor.
    """
    if tf := tensorflow():
        tf.debugging.Assert(condition, [message, value])


def require_tensorflow(name):
    """Raises a RuntimeError where Keras runs on another backend.

    Args:
        name: str. What cannot work there.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"`{name}` needs Keras on the TensorFlow backend. Received: {backend}. A "
            "model that was saved as a `.keras` file loads there too, with "
            "KERAS_BACKEND=tensorflow."
        )


def xla_op(function=None, *, on_cpu=True):
    """Decorates an op: tensors, then plain Python values, to tensors.

    On TensorFlow a call is compiled when it is traced into a graph and every tensor
    among the arguments has a static shape (but for the batch axis). Eager calls and
    run-time sizes run `function` as it is, because XLA compiles anew for every
    concrete shape; so do all calls after `set_xla(False)` and on other backends.

    The gradient of a compiled call is compiled too. `function` must be a pure
    function of its arguments, and the Python values among them hashable.

    Args:
        function: the op; None where the decorator is called for its options.
        on_cpu: bool. False for an op that XLA makes slower on a CPU: there it is
            compiled after `set_xla(True)` only.
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
    # Inside a function that XLA compiles as a whole a nested request changes nothing.
    leaves = tf.nest.flatten(arguments)
    if any(isinstance(leaf, keras.KerasTensor) for leaf in leaves):
        return False
    tensors = [leaf for leaf in leaves if tf.is_tensor(leaf)]
    # A scalar tensor among the arguments is a size that is known at run time only.
    return all(
        tensor.shape.rank and tensor.shape[1:].is_fully_defined() for tensor in tensors
    )


def _asked_for(tf, on_cpu):
    if _enabled is not None:
        return _enabled
    # Not the logical devices: to list these ends the time when they can be set.
    return on_cpu or any(
        d.device_type != "CPU" for d in tf.config.get_visible_devices()
    )
