"""Whether what was written answers as the model in memory does."""

import warnings

import numpy as np
import tensorflow as tf

from keras_seg.inference.class_map import class_map
from keras_seg.ops.xla import xla_scope

# For what takes any size: also one that is no multiple of any stride.
TRIAL_SIZES = ((64, 96), (75, 101))
_DIGITS = 1e-6  # of probabilities in float32, whatever the logits


def trial_images(number, size, channels):
    """uint8 images with areas and edges, as photographs have, and noise, by turns."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 255, (*size, channels))
    areas = rng.uniform(0, 255, (4, 6, channels))
    areas = tf.image.resize(areas, size, method="nearest").numpy()
    shading = np.linspace(0.6, 1.0, size[0])[:, None, None]
    areas = areas * shading + rng.normal(scale=3, size=areas.shape)
    images = [(areas, noise)[i % 2] for i in range(number)]
    return np.clip(images, 0, 255).astype("uint8")


def trial_positions(images):
    """int32 positions of rows, those of a window in the middle of an image."""
    rows = 32 + np.arange(images.shape[1], dtype="int32") // 8 % 64
    return np.tile(rows, (len(images), 1))


def expected_logits(function, images, positions=None):
    """What the model in memory gives, as an array.

    Args:
        function: `ServingFunction`.
        images: array `(batch, height, width, channels)`.
        positions: array `(batch, height)`, or None.

    Example: `expected_logits(function, trial_images(2, (64, 96), 3))`
    """
    with warnings.catch_warnings(), xla_scope(False):
        # Layers warn of images as small as these, which are none of the user's.
        warnings.simplefilter("ignore")
        if positions is not None:
            positions = tf.constant(positions)
        return function.logits(tf.constant(images), positions).numpy()


def require_agreement(answer, logits, tolerance, runtime, place):
    """Fails unless an answer is what a model's logits make of it.

    Classes must be equal where they are no ties.

    Args:
        answer: dict of arrays by output: "classes", "probabilities" or "logits".
        logits: array, what the model in memory gives.
        tolerance: float. How far logits may lie apart, as a share of the largest.
        runtime: str. What answered, for the error.
        place: str. Where an output is wrong, for the error.

    Raises:
        RuntimeError: If an output differs; it is named.

    Example: `require_agreement(answer, logits, 1e-4, "The runtime", "at 64 x 96")`
    """
    allowed = tolerance * np.abs(logits).max()
    for name, values in answer.items():
        limit = allowed
        if name == "classes":
            scores = _scores(logits)
            chosen = np.take_along_axis(scores, values[..., None].astype(int), -1)
            difference = scores.max(axis=-1) - chosen[..., 0]
            limit = 2 * allowed
        elif name == "probabilities":
            # A probability changes by no more than half of what logits do.
            difference = np.abs(values - _probabilities(logits))
            limit = max(allowed, _DIGITS)
        else:
            difference = np.abs(values - logits)
        # NaN is not close either.
        is_close = difference <= limit
        if not np.all(is_close):
            raise RuntimeError(
                f"{runtime} answers otherwise than the model does, and nothing was "
                f'written: the output "{name}" {place} in {np.mean(~is_close):.1%} of '
                f"its numbers, by up to {np.max(difference):.2g} where {limit:.2g} is "
                "allowed"
            )


def class_agreement(classes, logits):
    """The share of pixels whose class is that of a model's logits.

    Example: `class_agreement(classes, logits)  # 0.97`
    """
    return float(np.mean(classes == class_map(tf.constant(logits)).numpy()))


def _scores(logits):
    """Logits of all classes: a single one is that of class 1 where class 0 has 0."""
    if logits.shape[-1] > 1:
        return logits
    return np.concatenate([np.zeros_like(logits), logits], axis=-1)


def _probabilities(logits):
    # By NumPy: what is compared must not come from the same code.
    scores = _scores(logits)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = powers / powers.sum(axis=-1, keepdims=True)
    return shares[..., -logits.shape[-1] :]
