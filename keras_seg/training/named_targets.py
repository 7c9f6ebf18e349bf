import tensorflow as tf

from keras_seg.data import low_resolution
from keras_seg.models import network_info
from keras_seg.models.network_info import named_outputs


def named_targets(model, scale=None):
    """What a data set must be mapped with to give a model its inputs and targets.

    What a model takes, and what its outputs are compared with, it says itself: see
    `keras_seg.models.network_info`.

    Args:
        model: `keras.Model` whose output is bare, or a dict by name. One that takes the
            labels, such as `CPNet(..., fused_prior=True)`, gets these there too.
        scale: int, or None for the model's own. By how much the images are reduced for
            the model, which is taught at their full size: see `DSRL`. What does not
            fill a block of `scale` x `scale` pixels is cropped off, of the labels too.

    Returns:
        Function `(inputs, labels) -> (inputs, targets)` for `tf.data.Dataset.map`, on
        batches; with sample weights `(inputs, labels, weights) -> (inputs, targets,
        weights)`: those of pixels are for the outputs that learn labels, those of
        images, `(batch,)`, for all. The targets are the labels themselves, or a dict by
        the outputs' names: the images on the scale of RGB / 255 for a reconstruction
        such as "super_resolution", zeros `(batch,)` for what is a loss already, such as
        "feature_affinity", and the labels for all others. Labels are those of classes,
        or any other targets of the images' size, or of less where nothing is cropped.

    Raises:
        ValueError: If `scale` is another than that of the model, or 1 for a model with
            super-resolution.

    Example:

    ```python
    model = SPNet(11, auxiliary_head=True)
    model.fit(dataset.map(named_targets(model)))
    model = DSRL(11)
    model.fit(dataset.map(named_targets(model)))  # at half of their size
    ```
    """
    info = network_info(model)
    if scale is None:
        scale = info.scale
    elif info.scale not in (1, scale):
        raise ValueError(
            f"`scale` must be that of the model, {info.scale}, or None. "
            f"Received: {scale=} for {model.name!r}"
        )
    targets = {name: output.target for name, output in info.outputs.items()}
    if scale == 1 and "image" in targets.values():
        raise ValueError(
            "`scale` must be the factor of the super-resolution, 2 or more. "
            f"Received: {scale=} for {model.name!r}"
        )
    contents = list(info.inputs.values())

    with_pixels = [
        name
        for name, tensor in named_outputs(model).items()
        if targets[name] == "labels" and len(tensor.shape) == 4
    ]

    def add(inputs, labels, weights=None):
        images = inputs[0] if isinstance(inputs, tuple) else inputs
        if scale > 1:
            inputs = low_resolution(inputs, scale)
            height, width = _whole_blocks(images, scale)
            images, labels = (x[:, :height, :width] for x in (images, labels))
            if weights is not None and len(weights.shape) > 1:
                weights = weights[:, :height, :width]
        if "labels" in contents:
            given = iter(inputs if isinstance(inputs, tuple) else (inputs,))
            inputs = tuple(labels if x == "labels" else next(given) for x in contents)
        if not isinstance(model.output, dict):
            return (inputs, labels) if weights is None else (inputs, labels, weights)
        named = {name: _target(x, images, labels) for name, x in targets.items()}
        if weights is None:
            return inputs, named
        return inputs, named, _weights_by_name(targets, with_pixels, weights)

    return add


def _target(content, images, labels):
    if content == "image":
        return tf.cast(images, "float32") / 255
    return labels if content == "labels" else tf.zeros(tf.shape(images)[:1])


def _weights_by_name(names, with_pixels, weights):
    """The sample weights of each output: 1 where an output has no pixels of labels."""
    of_images = weights if len(weights.shape) == 1 else tf.ones(tf.shape(weights)[:1])
    return {name: weights if name in with_pixels else of_images for name in names}


def _whole_blocks(images, scale):
    """Height and width of what fills blocks, known when a graph is made if they can."""
    sizes = zip(images.shape[1:3], tf.unstack(tf.shape(images)[1:3]), strict=True)
    return [size - size % scale if size else now - now % scale for size, now in sizes]
