import keras

from keras_seg.backbones.graph import PROBE


def map_sizes(model, tensors):
    """Returns the sizes of feature maps of a network for an image of a trial size.

    Args:
        model: functional `keras.Model` with the image as its first input.
        tensors: dict `{name: symbolic tensor}` of the model.

    Returns:
        Pair of the image's `(height, width)`, which is the model's own if it is fixed,
        and a dict `{name: (rows, columns)}` of those tensors that are maps `(batch,
        rows, columns, channels)`.

    Raises:
        ValueError: If the first input is not of images.

    Example:
        `map_sizes(model, {"logits": model.output})` may be
        `((512, 512), {"logits": (512, 512)})`.
    """

    if len(model.inputs[0].shape) != 4:
        raise ValueError(
            "The first input of the model must be images (batch, height, width, "
            f"channels). Received: {model.name!r} with {model.inputs[0].shape}"
        )

    def fill(x):
        return 1, *(PROBE if size is None else size for size in x.shape[1:])

    probe = keras.Model(model.input, tensors)
    shapes = keras.tree.map_structure(fill, model.input)
    found = probe.compute_output_shape(shapes).items()
    sizes = {name: tuple(shape[1:3]) for name, shape in found if len(shape) == 4}
    return fill(model.inputs[0])[1:3], sizes
