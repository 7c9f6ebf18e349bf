import keras

from keras_seg.models.functional_model import functional_model
from keras_seg.models.network_info import named_outputs, network_info
from keras_seg.models.rerun import rerun
from keras_seg.models.without_inputs import WithoutInputs, unneeded_inputs


def inference_model(
    model: keras.Model, positions: bool = False, output: str | None = None
) -> keras.Model:
    """Returns the network without the parts that only training needs.

    Networks mark these parts themselves; see `network_info`. Input labels, from which
    some networks compute a loss, are removed too.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` with the
            image as its first input.
        positions: bool. Whether to keep the second input of a HANet with positions,
            which is needed for windows of an image. Without it, images are assumed to
            be uncropped.
        output: str, the name of the output to predict, or None for the only output that
            is not marked as training-only. A single output has the name of its layer,
            and also "segmentation".

    Returns:
        A functional `keras.Model` that shares its weights with `model` and returns only
        `output`, usually logits. If `model` does so already, it is returned itself.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If the model has no such output, or no positions to keep.

    Example:
        ```python
        model = SPNet(11, "resnet18", auxiliary_head=True)
        inference_model(model)(images)  # (batch, height, width, 11)
        ```
    """
    model = functional_model(model)
    info = network_info(model)
    if positions and "positions" not in info.inputs.values():
        raise ValueError(
            "`positions` must be False for a model without the input `positions`. "
            f"Received: {positions=} and {model.name!r}"
        )
    single = _single(model, output or info.prediction or "segmentation")
    dropped = unneeded_inputs(info, positions)
    if not dropped:
        return single
    whole = rerun(single, WithoutInputs(dropped))
    inputs = [x for x in whole.inputs if x.name not in dropped]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    return keras.Model(inputs, whole.output, name=model.name)


def _single(model, output):
    outputs = named_outputs(model)
    is_single = isinstance(model.output, keras.KerasTensor)
    if is_single and output in (*outputs, "segmentation"):
        return model
    if output not in outputs:
        raise ValueError(
            f'The model must have an output named "{output}". '
            f"Received: {model.name!r} with outputs {sorted(outputs)}"
        )
    return keras.Model(model.input, outputs[output], name=model.name)
