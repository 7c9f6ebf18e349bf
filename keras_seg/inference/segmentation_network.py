import keras

from keras_seg.models import inference_model


def segmentation_network(model, positions=False):
    """Returns a model without its training-only parts, after checking that it segments.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from
            images in 0..255 to logits, or to a dict with "segmentation".
        positions: bool. Whether to keep the second input of a HANet with positions.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from images
        `(batch, height, width, channels)`, or from these and "positions", to logits
        `(batch, height, width, classes)`.

    Raises:
        TypeError: If `model` is not a functional `keras.Model`.
        ValueError: If its inputs or outputs are not as above.

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
    shapes = [tuple(t.shape) for t in network.inputs if t.name != "positions"]
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
    return network
