import keras

from keras_seg.backbones.pad_to_multiple import PadToMultiple
from keras_seg.inference.multi_scale import multi_scale
from keras_seg.inference.segmentation_network import segmentation_network
from keras_seg.inference.sliding_window import sliding_window
from keras_seg.layers import CropToCells
from keras_seg.models import network_info


def prediction_model(
    model,
    window=None,
    overlap=1 / 3,
    blending="gaussian",
    scales=(1.0,),
    flip=False,
    full_size=True,
):
    """A model as it predicts: from images of any size to logits at their size.

    `predict`, `evaluate`, `keras-seg` and the exports prepare a model by this function.
    What only training needs is left out; the image is seen in windows, at several
    scales and mirrored, as asked for.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images in 0..255 to logits, or to a dict with "segmentation".
        window: pair of ints, rows and columns of a `sliding_window`, or None to look at
            the whole image at once. A model for images of one size gets windows of that
            size. Each window of a HANet with positions has the positions of its rows.
        overlap: float. Of the windows.
        blending: str. Of the windows.
        scales: sequence of floats, as of `multi_scale`.
        flip: bool, as of `multi_scale`.
        full_size: bool. Whether images for a `DSRL` are reduced by its scale, as in
            training, so that logits have the size of the image that comes in. Without,
            they are that many times larger than the image.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from images
        `(batch, height, width, channels)` of any size to logits `(batch, height, width,
        classes)`. It can be saved and exported as any other.

    Raises:
        TypeError: If `model` is not a functional `keras.Model`.
        ValueError: If the model has other inputs or outputs, or as `sliding_window` and
            `multi_scale`.

    Example:

    ```python
    model = prediction_model(keras.saving.load_model("best.keras"), flip=True)
    classes = class_map(model(images))
    export_saved_model(model, "saved_models/spnet/1")
    ```
    """
    network = segmentation_network(model)
    size = tuple(network.inputs[0].shape[1:3])
    scale = network_info(network).scale
    if window is None and None not in size:
        window = size
    if window is not None:
        has_positions = "positions" in network_info(model).inputs.values()
        seen = segmentation_network(model, positions=has_positions)
        network = sliding_window(seen, window, overlap=overlap, blending=blending)
    if tuple(scales) != (1.0,) or flip:
        network = multi_scale(network, scales, flip)
    if full_size and scale > 1:
        network = _reducing(network, scale)
    return network


def _reducing(network, scale):
    """The network on images that it reduces itself, by the mean of whole blocks.

    What is missing to whole blocks repeats the border, and is cropped off again.
    """
    image = keras.Input(network.inputs[0].shape[1:], name="image")
    x = PadToMultiple(scale, mode="edge", dtype="float32", name="whole_blocks")(image)
    x = keras.layers.AveragePooling2D(scale, dtype="float32", name="reduced")(x)
    x = CropToCells(1, dtype="float32", name="cropped")([network(x), image])
    return keras.Model(image, x, name=f"{network.name}_full_size")
