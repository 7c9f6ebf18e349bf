"""What every export asks of the model and of the path, before it works on them."""

import pathlib

import keras


def require_segmentation(network):
    """A ValueError unless the network goes from images to logits of them."""
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


def require_new_file(path, suffix, overwrite):
    """The path of a file to write, or an error where it is another's or there."""
    path = pathlib.Path(path)
    if path.suffix != suffix:
        raise ValueError(f"`path` must end in {suffix}. Received: {path}")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"There is something at `path` already: {path}. Pass overwrite=True to "
            "replace it."
        )
    return path
