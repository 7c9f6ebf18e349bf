from collections.abc import Sequence

import keras

from keras_seg.inference.mark_logits import mark_logits
from keras_seg.wrappers.windows import SlidingWindow


def sliding_window(
    model: keras.Model,
    window: Sequence[int],
    overlap: float = 1 / 3,
    blending: str = "gaussian",
    batch_size: int = 1,
) -> keras.Model:
    """Returns a model that predicts images of any size window by window.

    Windows are spaced evenly from edge to edge, with at least the given overlap, and
    their logits are averaged. Memory does not grow with the image, except for the
    logits themselves.

    `model` may have a fixed input size, which is then the size of the windows. Smaller
    images are padded by repeating their border, and the logits are cropped.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images to logits of the images' size, or a whole number of times as large
            (`DSRL`), or to a dict with "segmentation".
        window: pair of ints, rows and columns of a window. The training crop size is a
            good choice.
        overlap: float, at least 0 and below 1. The smallest share of a window that
            overlaps its neighbor.
        blending: "gaussian", where the middle of a window counts more than its edges
            (the standard deviation is an eighth of its size), or "mean".
        batch_size: int. Number of windows of each image that are predicted at once.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from images
        `(batch, height, width, channels)` of any size to logits `(batch, height, width,
        classes)`, or larger by the model's scale. It can be evaluated, saved and
        exported like any other model.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
        ValueError: If `window` is not a pair of positive integers or differs from the
            model's fixed input size, if another argument is invalid, or if the size of
            the model's logits is not a whole multiple of its images'.

    Example:
        ```python
        model = sliding_window(CPNet(11, prior_size=(30, 40)), window=(240, 320))
        export_saved_model(model, "saved_models/cpnet/1")
        ```
    """
    # Under a mixed policy, the network alone computes in half precision.
    options = {"name": "windows", "dtype": "float32"}
    layer = SlidingWindow(model, window, overlap, blending, batch_size, **options)
    channels = layer.network.inputs[0].shape[-1]
    image = keras.Input((None, None, channels), name="image")
    logits = mark_logits(layer(image), layer.network, layer.scale)
    return keras.Model(image, logits, name=f"{model.name}_windows")
