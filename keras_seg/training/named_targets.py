def named_targets(model):
    """What a data set must be mapped with to give a model its inputs and targets.

    Args:
        model: `keras.Model` whose output is bare logits, or a dict by name. One with an
            input "labels", such as `CPNet(..., fused_prior=True)`, gets these there
            too.

    Returns:
        Function `(inputs, labels) -> (inputs, targets)` for `tf.data.Dataset.map`. The
        targets are the labels themselves, or a dict with them under each output's name.

    Example:

    ```python
    model = SPNet(11, auxiliary_head=True)
    model.fit(dataset.map(named_targets(model)))
    ```
    """
    takes_labels = "labels" in [tensor.name for tensor in model.inputs]
    names = sorted(model.output) if isinstance(model.output, dict) else None

    def add(inputs, labels):
        if takes_labels:
            inputs = (inputs, labels)
        return inputs, labels if names is None else dict.fromkeys(names, labels)

    return add
