from collections.abc import Sequence

import keras

from keras_seg.backbones.pad_to_multiple import PadToMultiple
from keras_seg.inference.mark_logits import mark_logits
from keras_seg.inference.multi_scale import multi_scale
from keras_seg.inference.sliding_window import sliding_window
from keras_seg.layers import CropToCells
from keras_seg.models import network_info
from keras_seg.models.segmentation_network import segmentation_network
from keras_seg.wrappers.views import require_scales


def prediction_model(
    model: keras.Model,
    window: Sequence[int] | None = None,
    overlap: float = 1 / 3,
    blending: str = "gaussian",
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    full_size: bool = True,
) -> keras.Model:
    """Returns a model for inference, from images of any size to logits of their size.

    Removes the outputs that only training needs, and adds sliding windows and test-time
    augmentation as requested. `predict`, `evaluate` and `keras-seg` use this function.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images in 0..255 to logits, or to a dict with "segmentation".
        window: pair of ints, rows and columns of a `sliding_window`, or None to predict
            the whole image at once. A model with a fixed input size uses windows of
            that size, and smaller images are padded by repeating their border. A HANet
            with positions receives the row positions of each window.
        overlap: float. Overlap of the windows; see `sliding_window`.
        blending: str. Blending of the windows; see `sliding_window`.
        scales: sequence of positive floats. Image scales; see `multi_scale`.
        flip: bool. Whether to average with the mirrored image; see `multi_scale`.
        full_size: bool. Whether images for a `DSRL` are reduced by its scale, as in
            training, so that the logits have the size of the input image. If False, the
            logits are larger than the image by that scale.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from images
        `(batch, height, width, channels)` of any size to logits `(batch, height, width,
        classes)`. It can be saved and exported like any other model.

    Raises:
        TypeError: If `model` is not a functional `keras.Model`.
        ValueError: If the inputs or outputs of the model are not as above, or if
            `window` differs from the fixed input size of the model; see also
            `sliding_window` and `multi_scale`.

    Example:
        ```python
        model = prediction_model(keras.saving.load_model("best.keras"), flip=True)
        classes = class_map(model(images))
        export_saved_model(model, "saved_models/mirrored/1")
        ```
    """
    network = segmentation_network(model)
    size = tuple(network.inputs[0].shape[1:3])
    scale = network_info(network).scale
    if window is None and None not in size:
        window = size
    if window is not None:
        network = sliding_window(model, window, overlap=overlap, blending=blending)
    scales = require_scales(scales)
    if scales != (1.0,) or flip:
        network = multi_scale(network, scales, flip)
    if full_size and scale > 1:
        network = _reducing(network, scale)
    return network


def _reducing(network, scale):
    """Returns the network preceded by a reduction to the means of blocks of pixels.

    Images are padded to whole blocks by repeating their border; the logits are cropped.
    """
    image = keras.Input(network.inputs[0].shape[1:], name="image")
    x = PadToMultiple(scale, mode="edge", dtype="float32", name="whole_blocks")(image)
    x = keras.layers.AveragePooling2D(scale, dtype="float32", name="reduced")(x)
    x = CropToCells(1, dtype="float32", name="cropped")([network(x), image])
    x = mark_logits(x, network, scale=1)
    return keras.Model(image, x, name=f"{network.name}_full_size")
