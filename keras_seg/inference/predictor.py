import contextlib
from collections.abc import Callable, Sequence

import keras
from keras import ops

from keras_seg.data import read_image
from keras_seg.data._pictures import MAX_PIXELS
from keras_seg.inference.class_map import class_map
from keras_seg.inference.prediction_model import prediction_model
from keras_seg.inference.probabilities import probabilities
from keras_seg.models import network_info
from keras_seg.ops.xla import tensorflow
from keras_seg.typing import ValueRange

_REMEDY = (
    "Pass images whose sides its strides divide, or a `window` of such a size that is "
    "not larger than the images."
)


def predictor(
    model: keras.Model,
    window: Sequence[int] | None = None,
    overlap: float = 1 / 3,
    blending: str = "gaussian",
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    value_range: ValueRange = None,
    max_pixels: int = MAX_PIXELS,
    return_probabilities: bool = False,
) -> Callable:
    """Returns a function that predicts the class map of one image of any size.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images in 0..255 to logits, or to a dict with "segmentation"; or to
            probabilities, if its last layer is a softmax, or a sigmoid of one class.
            Images for a `DSRL` are reduced by its scale, as in training, so that the
            class map has the size of the given image.
        window, overlap, blending, scales, flip: see `prediction_model`.
        value_range: the values of black and white in images of more than 8 bits; see
            `keras_seg.data.read_image`.
        max_pixels: int. Larger images raise an error.
        return_probabilities: bool. Whether the function returns a pair: the class map
            and the probabilities of all classes, float32 `(height, width, classes)`.
            The largest probability of a pixel is its confidence.

    Returns:
        A function that takes an image, in any form that `keras_seg.data.read_image`
        reads (an array in 0..255, a path, the bytes of a file, a `PIL.Image.Image`),
        and returns its class map: `(height, width)`, uint8, or int32 for more than 256
        classes. For a model of independent classes, a mask of 0 and 1 for each class
        instead: uint8 `(height, width, classes)`.

    Raises:
        TypeError: See `prediction_model`.
        ValueError: See `prediction_model`. The returned function raises the errors of
            `read_image`, and one for images of a size that the model cannot take.

    Example:
        ```python
        label_map = predictor(model, window=(480, 480))
        for name in ("a", "b"):
            write_label_map(f"{name}.png", label_map(f"{name}.jpg"))
        ```
    """
    network = prediction_model(model, window, overlap, blending, scales, flip)
    independent = network_info(network).independent_classes
    channels = network.input_shape[-1]

    def maps(images):
        logits = ops.cast(network(images, training=False), "float32")
        found = (class_map(logits, independent),)
        if return_probabilities:
            found += (probabilities(logits, independent),)
        return found

    if tf := tensorflow():
        # One trace for all sizes.
        shape = tf.TensorSpec((1, None, None, channels), "float32")
        maps = tf.function(maps, input_signature=[shape])

    def label_map(image):
        pixels = read_image(image, channels, value_range, max_pixels)
        with _errors_of(network, pixels.shape[:2]):
            found = maps(pixels.astype("float32")[None])
        found = [ops.convert_to_numpy(each)[0] for each in found]
        _check_size(network, found[0].shape[:2], pixels.shape[:2])
        return tuple(found) if return_probabilities else found[0]

    return label_map


@contextlib.contextmanager
def _errors_of(network, size):
    """Turns TensorFlow's error for a size that a network cannot take into a ValueError.

    It is, for example, that of a U-Net whose levels are halved and doubled again.
    """
    tf = tensorflow()
    errors = (tf.errors.InvalidArgumentError,) if tf else ()
    try:
        yield
    except errors as error:
        lines = [x for x in error.message.splitlines() if x.strip() and "{{" not in x]
        reason = lines[-1] if lines else error.message
        raise ValueError(
            f"{network.name!r} cannot predict an image of {size[0]} x {size[1]} "
            f"pixels. {_REMEDY} TensorFlow's error: {reason}"
        ) from error


def _check_size(network, found, size):
    if found != size:
        raise ValueError(
            "The class map must have the size of the image, "
            f"{size[0]} x {size[1]} pixels. Received: {found[0]} x {found[1]} from "
            f"{network.name!r}. {_REMEDY} Or let the model resize its logits to the "
            "image, for example with `keras_seg.layers.ResizeLike`."
        )
