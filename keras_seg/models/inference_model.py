import functools

import keras

from keras_seg.models.rerun import rerun


def inference_model(model, positions=False, output="segmentation"):
    """The same network without what only training needs.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` whose
            outputs are a dict with `output`. Inputs named "labels", which some networks
            take to work out a loss, go too.
        positions: bool. Whether to keep the second input of a HANet with positions, as
            for windows of an image; without it, images are taken for whole ones.
        output: str. The name of what to predict.

    Returns:
        A functional `keras.Model` that shares its weights with `model` and returns the
        logits of `output` alone; `model` itself where it does so already.

    Raises:
        ValueError: If the outputs are a dict without `output`, or if the model has no
            positions to keep.

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
    model = _single(model, output)
    if extra and not positions:
        whole = rerun(model, functools.partial(_call_without, extra))
        model = keras.Model(whole.input[0], whole.output, name=model.name)
    return model


def _single(model, output):
    outputs = model.output
    if not isinstance(outputs, dict):
        return model
    if output not in outputs:
        raise ValueError(
            f'The model must have an output named "{output}". '
            f"Received: {model.name!r} with outputs {sorted(outputs)}"
        )
    return keras.Model(model.input, outputs[output], name=model.name)


def _call_without(names, layer, *args, **kwargs):
    for name in names & kwargs.keys():
        # Leads nowhere; but Keras 3.12 refuses inputs that nothing is made of.
        keras.ops.negative(kwargs.pop(name))
    return layer(*args, **kwargs)
