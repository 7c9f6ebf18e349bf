import keras

from keras_seg.models import inference_model, network_info
from keras_seg.models.dynamic_upsampling import with_dynamic_upsampling
from keras_seg.models.logits_of_probabilities import with_logits
from keras_seg.models.map_sizes import map_sizes


def segmentation_network(model, positions=False):
    """Returns a model without its training-only parts, after checking that it segments.

    Bilinear `UpSampling2D` layers are replaced, so that images may have any size.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images in 0..255 to logits, or to a dict with "segmentation". Those whose
            last layer is a softmax, or a sigmoid of one class, are taken too.
        positions: bool. Whether to keep the second input of a HANet with positions.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from images
        `(batch, height, width, channels)`, or from these and "positions", to logits
        `(batch, height, width, classes)`.

    Raises:
        TypeError: If `model` is not a functional `keras.Model`.
        ValueError: If its inputs or outputs are not as above, or if its logits are
            neither as large as the image nor a whole number of times larger (`DSRL`).

    Example:
        `segmentation_network(SPNet(11, auxiliary_head=True))(images)`
    """
    inputs = getattr(model, "inputs", None)
    if not isinstance(model, keras.Model) or not inputs:
        raise TypeError(
            "`model` must be a functional keras.Model, whose inputs and outputs are "
            f"known. Received: {type(model).__name__}. Wrap any other model like this: "
            "`images = keras.Input((None, None, 3)); "
            "model = keras.Model(images, other(images))`"
        )
    network = inference_model(model, positions)
    info = network_info(network)
    shapes = [
        tuple(tensor.shape)
        for tensor in network.inputs
        if info.inputs[tensor.name] != "positions"
    ]
    output = network.output
    if (
        len(shapes) != 1
        or len(shapes[0]) != 4
        or not isinstance(output, keras.KerasTensor)
        or len(output.shape) != 4
    ):
        raise ValueError(
            "The model must take images (batch, height, width, channels) and give "
            "logits (batch, height, width, classes). Received: "
            f"{network.name!r} with inputs {shapes} and output {network.output_shape}"
        )
    _check_size(network, info.scale)
    return with_dynamic_upsampling(with_logits(network))


def _check_size(network, scale):
    """Raises a ValueError unless the logits have `scale` times the image's size."""
    size, sizes = map_sizes(network, {"logits": network.output})
    found = sizes["logits"]
    if found != tuple(scale * side for side in size):
        raise ValueError(
            "The logits must be as large as the image, or a whole number of times "
            f"larger. Received: {network.name!r} with logits of {found} for an image "
            f"of {size}. Resize them to the image, for example with "
            "`keras_seg.layers.ResizeLike`"
        )
