from collections.abc import Sequence
from typing import Any

import keras

from keras_seg.inference.mark_logits import mark_logits
from keras_seg.inference.windows import SlidingWindow


def sliding_window(
    model: keras.Model, window: Sequence[int], **options: Any
) -> keras.Model:
    """Returns a model that predicts images of any size window by window.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images to logits of the images' size, or a whole number of times as large
            (`DSRL`), or to a dict with "segmentation".
        window: pair of ints, rows and columns of a window. The training crop size is a
            good choice.
        **options: `overlap`, `blending` and `batch_size` of `SlidingWindow`.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from images
        `(batch, height, width, channels)` of any size to logits `(batch, height, width,
        classes)`, or larger by the model's scale. It can be evaluated, saved and
        exported like any other model.

    Raises:
        ValueError: See `SlidingWindow`.

    Example:
        ```python
        model = sliding_window(CPNet(11, prior_size=(30, 40)), window=(240, 320))
        export_saved_model(model, "saved_models/cpnet/1")
        ```
    """
    layer = SlidingWindow(model, window, name="windows", **options)
    channels = layer.network.inputs[0].shape[-1]
    image = keras.Input((None, None, channels), name="image")
    logits = mark_logits(layer(image), layer.network, layer.scale)
    return keras.Model(image, logits, name=f"{model.name}_windows")
