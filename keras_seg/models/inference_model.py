import keras


def inference_model(model):
    """The same network without what only training needs.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` whose
            outputs are a dict with "segmentation".

    Returns:
        A functional `keras.Model` that shares its weights with `model` and returns the
        logits of "segmentation" alone; `model` itself where it does so already.

    Raises:
        ValueError: If the outputs are a dict without "segmentation".

    Example:

    ```python
    model = SPNet(11, auxiliary_head=True)
    inference_model(model)(images)  # (batch, height, width, 11)
    ```
    """
    outputs = model.output
    if not isinstance(outputs, dict):
        return model
    if "segmentation" not in outputs:
        raise ValueError(
            'The model must have an output named "segmentation". '
            f"Received: {model.name!r} with outputs {sorted(outputs)}"
        )
    return keras.Model(model.input, outputs["segmentation"], name=model.name)
