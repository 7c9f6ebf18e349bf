import tensorflow as tf

from keras_seg.data import low_resolution

# Outputs whose losses are those of whole images.
_WITHOUT_PIXELS = ("context_prior", "feature_affinity", "super_resolution")


def named_targets(model, scale=1):
    """What a data set must be mapped with to give a model its inputs and targets.

    Args:
        model: `keras.Model` whose output is bare, or a dict by name. One with an input
            "labels", such as `CPNet(..., fused_prior=True)`, gets these there too.
        scale: int. By how much the images are reduced for the model, which is taught at
            their full size: see `DSRL`. What does not fill a block of `scale` x `scale`
            pixels is cropped off, of the labels too.

    Returns:
        Function `(inputs, labels) -> (inputs, targets)` for `tf.data.Dataset.map`, on
        batches; with sample weights `(inputs, labels, weights) -> (inputs, targets,
        weights)`: those of pixels are for the outputs that learn labels, those of
        images, `(batch,)`, for all. The targets are the labels themselves, or a dict by
        the outputs' names: the images on the scale of RGB / 255 for "super_resolution",
        zeros `(batch,)` for "feature_affinity", which is a loss already, and the labels
        for all others.
        Labels are those of classes, or any other targets of the images' size, or of
        less where nothing is cropped.

    Raises:
        ValueError: If the model has the output "super_resolution" and `scale` is 1.

    Example:

    ```python
    model = SPNet(11, auxiliary_head=True)
    model.fit(dataset.map(named_targets(model)))
    model = DSRL(11)
    model.fit(dataset.map(named_targets(model, scale=2)))
    ```
    """
    takes_labels = "labels" in [tensor.name for tensor in model.inputs]
    names = sorted(model.output) if isinstance(model.output, dict) else None
    if scale == 1 and "super_resolution" in (names or ()):
        raise ValueError(
            "`scale` must be the factor of the super-resolution, 2 or more. "
            f"Received: {scale=} for {model.name!r}"
        )

    def add(inputs, labels, weights=None):
        images = inputs[0] if isinstance(inputs, tuple) else inputs
        if scale > 1:
            inputs = low_resolution(inputs, scale)
            height, width = _whole_blocks(images, scale)
            images, labels = (x[:, :height, :width] for x in (images, labels))
            if weights is not None and len(weights.shape) > 1:
                weights = weights[:, :height, :width]
        if takes_labels:
            inputs = (inputs, labels)
        if names is None:
            return (inputs, labels) if weights is None else (inputs, labels, weights)
        targets = dict.fromkeys(names, labels)
        if "super_resolution" in targets:
            targets["super_resolution"] = tf.cast(images, "float32") / 255
        if "feature_affinity" in targets:
            targets["feature_affinity"] = tf.zeros(tf.shape(images)[:1])
        if weights is None:
            return inputs, targets
        return inputs, targets, _weights_by_name(names, weights)

    return add


def _weights_by_name(names, weights):
    """The sample weights of each output: 1 where an output has no pixels of labels."""
    of_images = weights if len(weights.shape) == 1 else tf.ones(tf.shape(weights)[:1])
    return {name: of_images if name in _WITHOUT_PIXELS else weights for name in names}


def _whole_blocks(images, scale):
    """Height and width of what fills blocks, known when a graph is made if they can."""
    sizes = zip(images.shape[1:3], tf.unstack(tf.shape(images)[1:3]), strict=True)
    return [size - size % scale if size else now - now % scale for size, now in sizes]
