from keras import ops


def probabilities(logits):
    """Returns the probabilities of the classes: softmax, or sigmoid of a single logit.

    Args:
        logits: float tensor `(batch, height, width, classes)`.

    Returns:
        Tensor of the same shape and dtype, in 0..1.

    Example:
        `probabilities(keras.ops.zeros((1, 4, 6, 1)))` is 0.5 everywhere.
    """
    if logits.shape[-1] == 1:
        return ops.sigmoid(logits)
    return ops.softmax(logits, axis=-1)
