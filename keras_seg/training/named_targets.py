def named_targets(model):
    """What a data set must be mapped with to give every output of a model its target.

    Args:
        model: `keras.Model` whose output is bare logits, or a dict of logits by name.

    Returns:
        Function `(images, labels) -> (images, targets)` for `tf.data.Dataset.map`. The
        targets are the labels themselves, or a dict with them under each output's name.

    Example:

    ```python
    model = SPNet(11, auxiliary_head=True)
    model.fit(dataset.map(named_targets(model)))
    ```
    """
    if not isinstance(model.output, dict):
        return lambda images, labels: (images, labels)
    names = sorted(model.output)
    return lambda images, labels: (images, dict.fromkeys(names, labels))
