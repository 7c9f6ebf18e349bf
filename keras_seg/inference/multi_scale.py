from collections.abc import Sequence

import keras

from keras_seg.inference.mark_logits import mark_logits
from keras_seg.wrappers.views import MultiScale


def multi_scale(
    model: keras.Model,
    scales: Sequence[float] = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75),
    flip: bool = True,
) -> keras.Model:
    """Returns a model that averages predictions over scales and mirrored images.

    Args:
        model: a model of `keras_seg.models` or of `sliding_window`, or any functional
            `keras.Model` from images of any size to logits, or to a dict with
            "segmentation".
        scales: sequence of positive floats. 1.0 is the image's own size; sides are
            rounded to whole pixels.
        flip: bool. Whether to predict each scale a second time, mirrored left to right.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from images
        `(batch, height, width, channels)` of any size to logits whose softmax is the
        mean of the probabilities. It can be evaluated, saved and exported like any
        other model.

    Raises:
        RuntimeError: If Keras does not run on TensorFlow.
        ValueError: If `scales` is empty or has values that are not positive, or if the
            model has a fixed input size and scales other than 1.0 are given.

    Example:
        ```python
        model = multi_scale(sliding_window(model, (480, 480)), scales=(0.75, 1.0, 1.25))
        export_saved_model(model, "saved_models/spnet/2")
        ```
    """
    # Under a mixed policy, the network alone computes in half precision.
    layer = MultiScale(model, scales, flip, name="views", dtype="float32")
    image = keras.Input(layer.network.inputs[0].shape[1:], name="image")
    logits = mark_logits(layer(image), layer.network, layer.scale)
    return keras.Model(image, logits, name=f"{model.name}_views")
