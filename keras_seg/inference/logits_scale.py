import keras


def logits_scale(network, size):
    """Returns the ratio of the size of a network's logits to that of its images.

    Args:
        network: `keras.Model` from images, or from images and "positions", to logits.
        size: pair of ints, rows and columns of an image.

    Returns:
        int: 1 for most networks; the `scale` of a `DSRL`.

    Raises:
        ValueError: If the size of the logits is not a whole multiple of the image's.

    Example:
        `logits_scale(inference_model(DSRL(11, scale=2)), (64, 64))` is 2.
    """
    rows, columns = size
    sizes = {"positions": (1, rows)}
    image = (1, rows, columns, network.inputs[0].shape[-1])
    shapes = keras.tree.map_structure(lambda x: sizes.get(x.name, image), network.input)
    _, *found, _ = network.compute_output_shape(shapes)
    scale = max(found[0] // rows, 1)
    if tuple(found) != (scale * rows, scale * columns):
        raise ValueError(
            "The logits must be as large as the image, or a whole number of times "
            f"larger. Received: logits of {tuple(found)} for an image or window of "
            f"{(rows, columns)}"
        )
    return scale
