"""Comparison of an exported model with the model in memory."""

import warnings

import numpy as np
import tensorflow as tf

from keras_seg.inference.class_map import class_map
from keras_seg.models import network_info
from keras_seg.ops.xla import xla_scope

# For dynamic shapes; the second size is not a multiple of any stride.
TRIAL_SIZES = ((64, 96), (75, 101))
_DIGITS = 1e-6  # rounding of float32 probabilities


def trial_images(number, size, channels):
    """Returns uint8 images, alternating between shaded areas with edges and noise."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 255, (*size, channels))
    areas = rng.uniform(0, 255, (4, 6, channels))
    areas = tf.image.resize(areas, size, method="nearest").numpy()
    shading = np.linspace(0.6, 1.0, size[0])[:, None, None]
    areas = areas * shading + rng.normal(scale=3, size=areas.shape)
    images = [(areas, noise)[i % 2] for i in range(number)]
    return np.clip(images, 0, 255).astype("uint8")


def trial_positions(images):
    """Returns int32 row positions, those of a window in the middle of an image."""
    rows = 32 + np.arange(images.shape[1], dtype="int32") // 8 % 64
    return np.tile(rows, (len(images), 1))


def expected_logits(function, images, positions=None):
    """Returns the logits of the model in memory as a NumPy array.

    Args:
        function: `ServingFunction` of the model.
        images: array `(batch, height, width, channels)` in 0..255.
        positions: int32 array `(batch, height)`, or None.

    Returns:
        float32 array `(batch, height, width, classes)`.

    Raises:
        ValueError: If the model does not take images of this size, or if its logits
            have another size.

    Example:
        `expected_logits(function, trial_images(2, (64, 96), 3))`
    """
    with warnings.catch_warnings(), xla_scope(False):
        # Layers warn about small images, but the user did not choose these.
        warnings.simplefilter("ignore")
        if positions is not None:
            positions = tf.constant(positions)
        try:
            logits = function.logits(tf.constant(images), positions).numpy()
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"{_any_size(images)} fails: {error.message.splitlines()[0]}"
            ) from error
    scale = network_info(function.network).scale
    if logits.shape[1:3] != tuple(scale * side for side in images.shape[1:3]):
        raise ValueError(f"{_any_size(images)} has logits of {logits.shape[1:3]}")
    return logits


def _any_size(images):
    height, width = images.shape[1:3]
    return (
        "The model must take images of any size, and give logits of their size (see "
        "`keras_seg.layers.ResizeLike`), unless the export is for given sizes: "
        "`buckets` of a SavedModel, `size` of other files, or a fixed input size. "
        f"Received: a model that for {height} x {width}"
    )


class WrongShapeError(RuntimeError):
    """An exported model's output has another shape than the model's."""


def require_agreement(
    answer, logits, tolerance, runtime, place, independent_classes=False
):
    """Raises an error unless an exported model's outputs match the model's logits.

    Classes must be equal, except for ties within the tolerance.

    Args:
        answer: dict of arrays by output: "classes", "probabilities" or "logits".
        logits: array, the logits of the model in memory.
        tolerance: float. The largest difference of logits, as a share of the largest.
        runtime: str. Name of the runtime, for the error message.
        place: str. Description of the input or signature, for the error message.
        independent_classes: bool. Whether "classes" are masks of independent classes.

    Raises:
        RuntimeError: If an output differs. The message names it. It is a
            `WrongShapeError` if its shape does.

    Example:
        `require_agreement(answer, logits, 1e-4, "The runtime", "at 64 x 96")`
    """
    allowed = tolerance * np.abs(logits).max()
    for name, values in answer.items():
        limit = allowed
        is_map = name == "classes" and not independent_classes
        shape = logits.shape[:-1] if is_map else logits.shape
        if np.shape(values) != shape:
            raise WrongShapeError(
                f"{runtime} gives different results from the model, and nothing was "
                f'written: the output "{name}" {place} must have the shape {shape}. '
                f"Received: {np.shape(values)}"
            )
        if name == "classes" and independent_classes:
            # A mask may only differ where the logit is close to 0.
            difference = np.where(values == (logits > 0), 0, np.abs(logits))
        elif name == "classes":
            scores = _scores(logits)
            chosen = np.take_along_axis(scores, values[..., None].astype(int), -1)
            difference = scores.max(axis=-1) - chosen[..., 0]
            limit = 2 * allowed
        elif name == "probabilities":
            # A probability changes by at most half of the change of the logits.
            difference = np.abs(values - _probabilities(logits, independent_classes))
            limit = max(allowed, _DIGITS)
        else:
            difference = np.abs(values - logits)
        # False for nan, too.
        is_close = difference <= limit
        if not np.all(is_close):
            raise RuntimeError(
                f"{runtime} gives different results from the model, and nothing was "
                f'written: the output "{name}" {place} differs in '
                f"{np.mean(~is_close):.1%} of its values, by up to "
                f"{np.max(difference):.2g} where {limit:.2g} is allowed"
            )


def class_agreement(classes, logits, independent_classes=False):
    """Returns the share of pixels whose class equals that of a model's logits.

    For independent classes, it is the share of equal values of the masks.

    Example:
        `class_agreement(classes, logits)` is 0.97 if 97 % of the pixels agree.
    """
    expected = class_map(tf.constant(logits), independent_classes).numpy()
    return float(np.mean(classes == expected))


def _scores(logits):
    """Returns logits of all classes; class 0 gets 0 beside a single logit."""
    if logits.shape[-1] > 1:
        return logits
    return np.concatenate([np.zeros_like(logits), logits], axis=-1)


def _probabilities(logits, independent_classes):
    # In NumPy, so that the reference does not share code with the export.
    if independent_classes:
        with np.errstate(over="ignore"):  # 1 / inf is the right 0
            return 1 / (1 + np.exp(-logits))
    scores = _scores(logits)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    return shares[..., -logits.shape[-1] :]
