"""Whether a written model answers as the one in memory does."""

import warnings

import numpy as np
import tensorflow as tf

# A network in half precision rounds otherwise within a graph.
_TOLERANCE = {"float32": 1e-3, "float64": 1e-3}
_TOLERANCE_OF_HALF = 5e-2


def verify(path, predict, size, sends_positions):
    """Fails unless a SavedModel gives what the model in memory gives.

    All signatures answer for an image of noise and for one that has areas and edges as
    photographs have. Classes must agree where they are no ties.

    Args:
        path: `pathlib.Path` of the SavedModel's folder.
        predict: `Prediction`, images to logits.
        size: pair (height, width) of images that the model takes.
        sends_positions: bool. Whether the signatures take the positions of rows.

    Raises:
        RuntimeError: If an answer differs; the signature is named.

    Example: `verify(path, predict, size=(64, 96), sends_positions=False)`
    """
    served = tf.saved_model.load(str(path)).signatures
    channels = predict.network.inputs[0].shape[-1]
    tolerance = _TOLERANCE.get(predict.network.compute_dtype, _TOLERANCE_OF_HALF)
    for image in (_noise(size, channels), _photograph(size, channels)):
        images = image[None]
        rows = {}
        if sends_positions:
            # Those of a window in the middle of an image.
            rows["positions"] = 32 + np.arange(size[0], dtype="int32")[None] // 8 % 64
        expected = _expected(predict, images, **rows)
        rows = {name: tf.constant(value) for name, value in rows.items()}
        answer = served["probabilities"](images=tf.constant(images), **rows)
        difference = np.abs(answer["probabilities"].numpy() - expected)
        _require(difference <= tolerance, "probabilities", difference)
        for name in ("serving_default", "float"):
            dtype = "float32" if name == "float" else "uint8"
            answer = served[name](images=tf.constant(images, dtype), **rows)
            _compare_classes(name, answer["classes"].numpy(), expected, tolerance)
        if "encoded" in served:
            if sends_positions:
                expected = _expected(predict, images)
            contents = tf.io.encode_png(image)
            answer = served["encoded"](images=contents[None])
            _compare_classes("encoded", answer["classes"].numpy(), expected, tolerance)


def _expected(predict, images, **rows):
    with warnings.catch_warnings():
        # Layers warn of images as small as these, which are none of the user's.
        warnings.simplefilter("ignore")
        return tf.nn.softmax(predict(images, **rows)).numpy()


def _compare_classes(name, classes, expected, tolerance):
    chosen = np.take_along_axis(expected, classes[..., None].astype("int64"), -1)
    lost = expected.max(axis=-1) - chosen[..., 0]
    _require(lost <= 2 * tolerance, name, lost)


def _require(is_close, name, difference):
    # NaN is not close either.
    if not np.all(is_close):
        raise RuntimeError(
            "The SavedModel answers otherwise than the model does, and was removed: "
            f'the signature "{name}" in {np.mean(~is_close):.1%} of its numbers, by up '
            f"to {np.max(difference):.2g} of a probability"
        )


def _noise(size, channels):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (*size, channels), dtype="uint8")


def _photograph(size, channels):
    """Areas with edges, shading and a little noise."""
    rng = np.random.default_rng(1)
    areas = rng.uniform(0, 255, (4, 6, channels))
    areas = tf.image.resize(areas, size, method="nearest").numpy()
    shading = np.linspace(0.6, 1.0, size[0])[:, None, None]
    noise = rng.normal(scale=3, size=(*size, channels))
    return np.clip(areas * shading + noise, 0, 255).astype("uint8")
