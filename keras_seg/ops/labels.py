"""Valid and ignored labels: the rules of all losses and metrics.

A label is a class, 0 to `num_classes - 1`, or one of `ignore_class`, an ignored pixel.
Any other label is an error in the data. Eager calls, data pipelines and evaluations
raise a ValueError that names its value, and TensorFlow graphs raise an error when they
run. Steps compiled by XLA cannot raise errors: they ignore the pixel, and
`keras_seg.metrics.MeanIoU` counts it and raises an error at the end of the epoch.
Losses do not become NaN.
"""

import contextlib
import operator

import keras
import numpy as np
from keras import ops

from keras_seg.ops.precision import at_least_float32, widest_integers
from keras_seg.ops.xla import stop_unless
from keras_seg.typing import IgnoreClass, Tensor

# The range of int32, and an integer in it that stands for what int32 cannot represent.
_LEAST, _LARGEST, _FRACTION = -(2**31), 2**31 - 1, 1 - 2**31


def whole_labels(labels: Tensor) -> Tensor:
    """Casts labels to int32; what int32 cannot represent becomes an erroneous value.

    These are fractions, nan, infinite numbers and numbers beyond 32 bits, which a cast
    could turn into classes or ignored labels.

    Args:
        labels: tensor of any number type and shape.

    Example:
        `whole_labels([0.0, 1.0, 0.5])` holds 0, 1 and a large negative number.
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "iu":
        # Not as a tensor, because JAX has integers of 32 bits only.
        fits = (labels >= _LEAST) & (labels <= _LARGEST)
        whole = np.where(fits, labels.astype("int32"), np.int32(_FRACTION))
        return ops.convert_to_tensor(whole, dtype="int32")
    labels = ops.convert_to_tensor(labels)
    whole = ops.cast(labels, "int32")
    dtype = keras.backend.standardize_dtype(labels.dtype)
    if "float" in dtype:
        labels = at_least_float32(labels)
        fits = ops.logical_and(labels >= 1.0 * _LEAST, labels < 2.0**31)
        fits = ops.logical_and(fits, ops.equal(labels, ops.floor(labels)))
    elif dtype in ("int64", "uint32", "uint64"):
        labels = ops.cast(labels, widest_integers())
        # Unsigned integers that are too large for the cast become negative.
        least = 0 if dtype.startswith("u") else _LEAST
        fits = ops.logical_and(labels >= least, labels <= _LARGEST)
    else:
        return whole
    return ops.where(fits, whole, _FRACTION)


def weights_of_pixels(sample_weight, labels, dtype):
    """Returns sample weights in a shape that broadcasts to the labels.

    Args:
        sample_weight: number, or tensor: one weight per image, `(batch,)`, or weights
            that broadcast to the labels, which may have one more axis of 1.
        labels: tensor `(batch, height, width)`, or `(batch, height, width, classes)`
            for independent classes.
        dtype: str. The dtype of the result.

    Raises:
        ValueError: If the weights have another shape.
    """
    sample_weight = ops.cast(sample_weight, dtype)
    shape = tuple(sample_weight.shape)
    rank = len(labels.shape)
    if len(shape) == 4 and rank == 3 and shape[-1] == 1:
        sample_weight, shape = ops.squeeze(sample_weight, axis=-1), shape[:-1]
    if len(shape) not in (0, 1, 3, rank) or not agree(
        shape, labels.shape, broadcast=True
    ):
        raise ValueError(
            "`sample_weight` must be one weight per image, (batch,), or weights "
            f"that broadcast to the labels, {tuple(labels.shape)}. Received the "
            f"shape {shape}"
        )
    ones = [1] * (rank - len(shape))
    return ops.reshape(sample_weight, [*ops.shape(sample_weight), *ones])


def weights_of_losses(sample_weight, shape):
    """Returns sample weights in a shape that broadcasts to losses.

    Args:
        sample_weight: number, or tensor: one weight per image, `(batch,)`, or weights
            that broadcast to the losses, which may have more axes of 1.
        shape: tuple. The shape of the losses, `(batch, ...)`.

    Raises:
        ValueError: If the weights have another shape. Keras would broadcast weights of
            pixels to other axes if the sizes happen to agree.
    """
    sample_weight = ops.convert_to_tensor(sample_weight)
    given = tuple(sample_weight.shape)
    excess = len(given) - len(shape)
    if excess > 0 and all(size == 1 for size in given[-excess:]):
        given = given[:-excess]
    if len(given) > len(shape) or not agree(given, shape, broadcast=True):
        raise ValueError(
            "`sample_weight` must be one weight per image, (batch,), or weights that "
            f"broadcast to the losses, {tuple(shape)}. Received the shape "
            f"{tuple(sample_weight.shape)}"
        )
    ones = [1] * (len(shape) - len(given))
    sizes = ops.shape(sample_weight)[: len(given)]
    return ops.reshape(sample_weight, [*sizes, *ones])


def agree(shape, other, broadcast=False):
    """Returns whether two shapes agree on the axes that both have and know."""
    return all(
        a is None or b is None or a == b or (broadcast and a == 1)
        for a, b in zip(shape, other, strict=False)
    )


def valid_pixels(
    labels: Tensor, ignore_class: IgnoreClass = 255, num_classes: int | None = None
) -> Tensor:
    """Returns where labels are classes and not ignored.

    Args:
        labels: integer tensor, of any shape.
        ignore_class: int, sequence of ints, or None to ignore no label.
        num_classes: int, or None if every label that is not ignored is a class.

    Returns:
        bool tensor of the shape of `labels`.

    Example:
        `valid_pixels(keras.ops.array([0, 255, 254]), (254, 255))` is True, False,
        False.
    """
    labels = ops.cast(labels, "int32")
    valid = ops.ones_like(labels, dtype="bool")
    for ignored in ignored_labels(ignore_class):
        valid = ops.logical_and(valid, ops.not_equal(labels, ignored))
    if num_classes is not None:
        valid = ops.logical_and(valid, is_class(labels, num_classes))
    return valid


def is_class(labels, num_classes):
    """Returns a bool tensor, True where labels are in 0..`num_classes - 1`."""
    return ops.logical_and(labels >= 0, labels < num_classes)


def unknown_pixels(labels, ignore_class, num_classes):
    """Returns a bool tensor, True where labels are neither classes nor ignored."""
    labels = ops.cast(labels, "int32")
    not_ignored = valid_pixels(labels, ignore_class)
    return ops.logical_and(not_ignored, ops.logical_not(is_class(labels, num_classes)))


def check_labels(labels, ignore_class, num_classes):
    """Raises an error, if possible, for labels that are neither classes nor ignored.

    Args:
        labels: integer tensor, of any shape.
        ignore_class: int, sequence of ints or None.
        num_classes: int.

    Raises:
        ValueError: In an eager call, naming the value. TensorFlow graphs raise
            `tf.errors.InvalidArgumentError` when they run; functions compiled by XLA
            raise nothing.
    """
    labels = ops.cast(labels, "int32")
    unknown = unknown_pixels(labels, ignore_class, num_classes)
    message = unknown_label_message("", ignore_class, num_classes)
    # With `initial`, because eager calls refuse the maximum of an empty batch.
    value = ops.max(ops.where(unknown, labels, _LEAST), initial=_LEAST)
    is_wrong = ops.any(unknown)
    found = concrete(is_wrong)
    if found is None:
        stop_unless(ops.logical_not(is_wrong), message, value)
    elif found:
        value = int(concrete(value))
        if value == _FRACTION:
            value = "a fraction, nan or a number beyond 32 bits"
        raise ValueError(f"{message}{value}")


def unknown_label_message(labels, ignore_class, num_classes):
    """Returns the error message for labels that are neither classes nor ignored."""
    ignored = ", ".join(map(str, ignored_labels(ignore_class)))
    return (
        f"Labels must be classes 0..{num_classes - 1}"
        f"{f' or ignored ({ignored})' if ignored else ''}. Translate other values "
        "(`label_map` of the data sets) or ignore them (`ignore_class`). Received: "
        f"{labels}"
    )


def concrete(scalar):
    """Returns the value of a scalar tensor, or None while a step is traced."""
    try:
        return ops.convert_to_numpy(scalar)
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        return None


def ignored_labels(ignore_class):
    """Returns the labels of an `ignore_class` as a tuple of ints.

    Raises:
        ValueError: If it is not an int, a sequence of ints or None.
    """
    if ignore_class is None:
        return ()
    # One label, or several in any collection, such as a range or an array.
    for labels in ((ignore_class,), ignore_class):
        with contextlib.suppress(TypeError):
            return tuple(map(operator.index, labels))
    raise ValueError(
        "`ignore_class` must be an int, a sequence of ints or None. "
        f"Received: {ignore_class=}"
    )


def require_ignore_class(ignore_class):
    """Returns `ignore_class` in the form of configurations: None, an int or a tuple.

    Raises:
        ValueError: If it is not an int, a sequence of ints or None.
    """
    ignored = ignored_labels(ignore_class)
    return ignored[0] if len(ignored) == 1 else ignored or None


def two_class_logits(logits: Tensor) -> Tensor:
    """Returns the logits of the two classes of a sigmoid.

    The softmax of the logits 0 and z is `1 - sigmoid(z)` and `sigmoid(z)`, so that all
    losses and metrics treat one logit per pixel as two classes.

    Args:
        logits: float tensor `(..., 1)`.

    Returns:
        Float tensor `(..., 2)`.

    Example:
        `two_class_logits(keras.ops.array([[2.0]]))` is `[[0.0, 2.0]]`.
    """
    return ops.concatenate([ops.zeros_like(logits), logits], axis=-1)
