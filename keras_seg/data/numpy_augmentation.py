from collections.abc import Callable

import numpy as np
import tensorflow as tf


class NumpyAugmentation:
    """Wraps a function on NumPy arrays as an augmentation for `training_pipeline`.

    The pipeline calls the function in parallel threads, but it holds the lock of the
    Python interpreter except inside NumPy or OpenCV calls that release it. An
    augmentation on tensors is faster.

    Args:
        function: callable `(image, label, rng) -> (image, label)`. It receives arrays
            `(height, width, channels)`, in 0..255, and `(height, width)`, of integers,
            or `(height, width, classes)` of a data set of independent classes,
            and a `numpy.random.Generator` for the sample, so that equal seeds give
            equal results. All results must have one size. In a pipeline with positions
            it is called as `(image, label, rng, positions)` and returns all three.

    Call arguments:
        image, label, seed, positions: See `Augmentation`.

    Returns:
        float32 `(height, width, channels)` and int32 `(height, width)` or `(height,
        width, classes)`; with `positions` also these, int32 `(height,)`.

    Raises:
        TypeError: If `function` cannot be called.
        ValueError: While iterating, as `tf.errors.InvalidArgumentError`, if the
            function returns anything else.

    Example:
        ```python
        def mirror(image, label, rng):
            step = -1 if rng.random() < 0.5 else 1
            return image[:, ::step], label[:, ::step]

        training_pipeline(dataset, 8, NumpyAugmentation(mirror))
        ```
    """

    def __init__(self, function: Callable) -> None:
        if not callable(function):
            raise TypeError(
                "`function` must be callable as (image, label, rng). "
                f"Received: {function!r}"
            )
        self.function = function

    def __call__(self, image, label, seed, positions=None):
        arrays = [image, label, seed, *(() if positions is None else (positions,))]
        dtypes = (tf.float32, tf.int32, tf.int32)[: len(arrays) - 1]
        moved = tf.numpy_function(self._run, arrays, dtypes)
        moved[0].set_shape((None, None, image.shape[-1]))
        moved[1].set_shape((None, None, *label.shape[2:]))
        return tuple(moved)

    def _run(self, image, label, seed, *positions):
        rng = np.random.default_rng([int(number) for number in seed])
        # Copies, since TensorFlow may pass the memory of the cache or of the data set,
        # and functions may work in place.
        arrays = (array.copy() for array in (image, label))
        results = self.function(*arrays, rng, *(rows.copy() for rows in positions))
        return check_augmented(
            results, image.shape[-1], label.shape[2:], 2 + len(positions)
        )


def check_augmented(results, channels, classes, count):
    """Returns the arrays of an augmented sample, cast to the dtypes of the pipelines.

    Raises:
        ValueError: If they are not an image and a label of the same size.
    """
    if not isinstance(results, (tuple, list)) or len(results) != count:
        raise ValueError(
            f"The function must return {count} arrays, an image and a label"
            f"{' and positions' if count == 3 else ''}. Received: {type(results)}"
        )
    image, label = np.asarray(results[0]), np.asarray(results[1])
    size = label.shape[:2]
    if label.shape != (*size, *classes) or image.shape != (*size, channels):
        wanted = ", ".join(map(str, ("height", "width", *classes)))
        raise ValueError(
            f"The function must return an image (height, width, {channels}) and a "
            f"label ({wanted}). Received the shapes {image.shape} and {label.shape}"
        )
    whole = label.astype("int32")
    if label.dtype.kind == "f" and not np.array_equal(whole, label):
        values = np.unique(label[whole != label])[:5].tolist()
        raise ValueError(
            "The function must return a label of integers. Received the values "
            f"{values}. Resize and rotate labels by the nearest pixel."
        )
    rest = [np.asarray(array, "int32") for array in results[2:]]
    return image.astype("float32"), whole, *rest
