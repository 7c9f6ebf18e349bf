import functools

import keras

from keras_seg.models.rerun import rerun


def inference_model(model, positions=False):
    """The same network without what only training needs.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` whose
            outputs are a dict with "segmentation". Inputs named "labels", which some
            networks take to work out a loss, go too.
        positions: bool. Whether to keep the second input of a HANet with positions, as
            for windows of an image; without it, images are taken for whole ones.

    Returns:
        A functional `keras.Model` that shares its weights with `model` and returns the
        logits of "segmentation" alone; `model` itself where it does so already.

    Raises:
        ValueError: If the outputs are a dict without "segmentation", or if the model
            has no positions to keep.

    Example:

    ```python
    model = SPNet(11, auxiliary_head=True)
    inference_model(model)(images)  # (batch, height, width, 11)
    ```
    """
    extra = {tensor.name for tensor in model.inputs} & {"positions", "labels"}
    if positions and "positions" not in extra:
        raise ValueError(
            "`positions` must be False for a model without such an input. "
            f"Received: {positions=} and {model.name!r}"
        )
    model = _segmentation(model)
    if extra and not positions:
        whole = rerun(model, functools.partial(_call_without, extra))
        model = keras.Model(whole.input[0], whole.output, name=model.name)
    return model


def _segmentation(model):
    outputs = model.output
    if not isinstance(outputs, dict):
        return model
    if "segmentation" not in outputs:
        raise ValueError(
            'The model must have an output named "segmentation". '
            f"Received: {model.name!r} with outputs {sorted(outputs)}"
        )
    return keras.Model(model.input, outputs["segmentation"], name=model.name)


def _call_without(names, layer, *args, **kwargs):
    for name in names & kwargs.keys():
        # Leads nowhere; but Keras 3.12 refuses inputs that nothing is made of.
        keras.ops.negative(kwargs.pop(name))
    return layer(*args, **kwargs)
