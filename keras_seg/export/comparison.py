"""Whether a file in its runtime answers as the model in memory does."""

import numpy as np
import tensorflow as tf

from keras_seg.ops import row_positions
from keras_seg.ops.xla import xla_scope

# For files that take any size: also one that is no multiple of any stride.
_SOME_SIZES = ((64, 96), (75, 101))


def require_equality(graph, run, tolerance):
    """Fails unless a file gives what the model gives.

    Both answer for images of noise and for images that have areas and edges as
    photographs have. Classes must be equal where they are no ties.

    Args:
        graph: `PortableGraph` that the file was made of.
        run: function from a dict of arrays by input to a dict of arrays by output.
        tolerance: float. How far logits may lie apart, as a share of the largest.

    Raises:
        RuntimeError: If an output differs; it is named.

    Example: `require_equality(graph, run, tolerance=1e-4)`
    """
    batch_size, *fixed_size, channels = graph.signature[0].shape
    for size in _SOME_SIZES if None in fixed_size else [fixed_size]:
        images = _images(batch_size or 2, size, channels)
        inputs = inputs_of(graph, images)
        logits = expected_logits(graph, inputs)
        allowed = tolerance * np.abs(logits).max()
        for name, answer in run(inputs).items():
            if name == "classes":
                chosen = np.take_along_axis(logits, answer[..., None].astype(int), -1)
                difference = logits.max(axis=-1) - chosen[..., 0]
                limit = 2 * allowed
            elif name == "probabilities":
                # A probability changes by no more than half of what logits do.
                difference = np.abs(answer - tf.nn.softmax(logits).numpy())
                limit = allowed
            else:
                difference, limit = np.abs(answer - logits), allowed
            # NaN is not close either.
            is_close = difference <= limit
            if not np.all(is_close):
                raise RuntimeError(
                    "The runtime answers otherwise than the model does, and nothing "
                    f'was written: the output "{name}" for images of {size[0]} x '
                    f"{size[1]} in {np.mean(~is_close):.1%} of its numbers, by up to "
                    f"{np.max(difference):.2g} where {limit:.2g} is allowed"
                )


def class_agreement(graph, run, images):
    """The share of pixels whose class in a file is that of the model.

    Args:
        graph: `PortableGraph` that the file was made of.
        run: as for `require_equality`.
        images: array `(images, height, width, channels)`, a multiple of the batch size.

    Returns:
        float.

    Example: `class_agreement(graph, run, images)  # 0.97`
    """
    batch_size = graph.signature[0].shape[0]
    equal = []
    for start in range(0, len(images), batch_size):
        inputs = inputs_of(graph, images[start : start + batch_size])
        name, answer = next(iter(run(inputs).items()))
        classes = answer if name == "classes" else answer.argmax(axis=-1)
        equal.append(classes == expected_logits(graph, inputs).argmax(axis=-1))
    return float(np.mean(equal))


def inputs_of(graph, images):
    """A dict of arrays by input: images, and positions as those of whole images."""
    inputs = {"images": images.astype(graph.signature[0].dtype.as_numpy_dtype)}
    if len(graph.signature) > 1:
        height = images.shape[1]
        rows = row_positions(np.arange(height, dtype="int32"), height)
        inputs["positions"] = np.tile(rows, (len(images), 1))
    return inputs


def expected_logits(graph, inputs):
    """What the model in memory gives."""
    images = tf.cast(inputs["images"], "float32")
    extra = [tf.constant(inputs[spec.name]) for spec in graph.signature[1:]]
    with xla_scope(False):
        logits = graph.network([images, *extra] if extra else images, training=False)
    return tf.cast(logits, "float32").numpy()


def _images(number, size, channels):
    """Noise, and areas with edges and shading, by turns."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 255, (*size, channels))
    areas = rng.uniform(0, 255, (4, 6, channels))
    areas = tf.image.resize(areas, size, method="nearest").numpy()
    areas = areas * np.linspace(0.6, 1.0, size[0])[:, None, None]
    return np.stack([(areas, noise)[i % 2] for i in range(number)]).astype("uint8")
