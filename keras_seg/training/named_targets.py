from collections.abc import Callable

import keras
import tensorflow as tf

from keras_seg.models import network_info
from keras_seg.models.network_info import named_outputs


def named_targets(model: keras.Model, scale: int | None = None) -> Callable:
    """Returns a map function that turns (image, label) batches into inputs and targets.

    The function is for `tf.data.Dataset.map`. The model determines its inputs and the
    target of each output; see `keras_seg.models.network_info`.

    Args:
        model: `keras.Model` with a single output, or a dict of outputs by name. A model
            that takes the labels as input, such as `CPNet(..., fused_prior=True)`,
            receives them too.
        scale: int, or None for the model's own. The factor by which images are reduced
            for a model that is trained with full-size labels; see `DSRL`. Rows and
            columns that do not fill a block of `scale` x `scale` pixels are cropped
            from images and labels.

    Returns:
        Function `(inputs, labels) -> (inputs, targets)` on batches, or with sample
        weights `(inputs, labels, weights) -> (inputs, targets, weights)`. Pixel weights
        apply to the outputs that learn labels; image weights `(batch,)` apply to all
        outputs. The targets are the labels themselves, or a dict by output name: images
        on the scale of RGB / 255 for a reconstruction such as "super_resolution", zeros
        `(batch,)` for an output that is a loss, such as "feature_affinity", and the
        labels for all others. Labels are class labels or other targets of the images'
        size; they may be smaller if nothing is cropped.

    Raises:
        ValueError: If `scale` differs from that of the model, or is 1 for a model with
            super-resolution.

    Example:
        ```python
        model = SPNet(11, "resnet18", auxiliary_head=True)
        train = batches.map(named_targets(model))
        model = DSRL(11, "resnet18")
        train = batches.map(named_targets(model))  # images of half their size
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
    # Here, because `import keras_seg` imports this package, and data takes a while.
    from keras_seg.data import low_resolution

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
    """Returns the sample weights of each output; 1 for outputs without label pixels."""
    of_images = weights if len(weights.shape) == 1 else tf.ones(tf.shape(weights)[:1])
    return {name: weights if name in with_pixels else of_images for name in names}


def _whole_blocks(images, scale):
    """Returns the height and width that fill whole blocks, static if they are known."""
    sizes = zip(images.shape[1:3], tf.unstack(tf.shape(images)[1:3]), strict=True)
    return [size - size % scale if size else now - now % scale for size, now in sizes]
