import numpy as np
from keras import ops

from keras_seg.data import low_resolution, read_image
from keras_seg.inference.logits_scale import logits_scale
from keras_seg.inference.multi_scale import multi_scale
from keras_seg.inference.sliding_window import sliding_window
from keras_seg.models import inference_model
from keras_seg.ops.xla import tensorflow

_PROBE = 64


def predictor(
    model, window=None, overlap=1 / 3, blending="gaussian", scales=(1.0,), flip=False
):
    """A function from one image, of any size, to its label map.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images in 0..255 to logits, or to a dict with "segmentation". Images for a
            `DSRL` are reduced by its scale, as in training, so that the label map has
            the size of the image that was given.
        window: pair of ints, rows and columns of a `sliding_window`, or None to look at
            the whole image at once. A model for images of one size is given its own
            size here by itself.
        overlap: float. Of the windows.
        blending: str. Of the windows.
        scales: sequence of floats, as of `multi_scale`.
        flip: bool, as of `multi_scale`.

    Returns:
        A function that takes an image, in any form that `keras_seg.data.read_image`
        reads (an array in 0..255, a path, the bytes of a file, a `PIL.Image.Image`),
        and returns its label map: `(height, width)`, uint8, or int32 above 256 classes.

    Raises:
        ValueError: As `sliding_window` and `multi_scale`. The function raises it as
            `read_image`.

    Example:

    ```python
    label_map = predictor(model, window=(480, 480))
    for path in paths:
        Image.fromarray(label_map(path)).save(...)
    ```
    """
    network = inference_model(model)
    size = tuple(network.inputs[0].shape[1:3])
    if window is None and None not in size:
        window = size
    scale = logits_scale(network, [side or _PROBE for side in size])
    if window is not None:
        network = sliding_window(network, window, overlap=overlap, blending=blending)
    if tuple(scales) != (1.0,) or flip:
        network = multi_scale(network, scales, flip)
    dtype = "uint8" if network.output_shape[-1] <= 256 else "int32"
    channels = network.input_shape[-1]

    def classes(images):
        if scale > 1:
            images = low_resolution(images, scale)
        return ops.argmax(network(images, training=False), axis=-1)

    if tf := tensorflow():
        # One trace for all sizes.
        shape = tf.TensorSpec((1, None, None, channels), "float32")
        classes = tf.function(classes, input_signature=[shape])

    def label_map(image):
        pixels = read_image(image, channels)
        height, width, _ = pixels.shape
        margins = (0, -height % scale), (0, -width % scale), (0, 0)
        pixels = np.pad(pixels.astype("float32"), margins, mode="edge")
        found = ops.convert_to_numpy(classes(pixels[None]))[0]
        return found[:height, :width].astype(dtype)

    return label_map
