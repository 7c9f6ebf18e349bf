from keras import ops

from keras_seg.typing import Tensor


def probabilities(logits: Tensor, independent_classes: bool = False) -> Tensor:
    """Returns the probabilities of the classes: softmax, or sigmoid of each logit.

    A single logit, and those of independent classes, have a sigmoid.

    Args:
        logits: float tensor `(batch, height, width, classes)`.
        independent_classes: bool. Whether a pixel may have any number of the classes.

    Returns:
        Tensor of the same shape and dtype, in 0..1.

    Example:
        `probabilities(keras.ops.zeros((1, 4, 6, 1)))` is 0.5 everywhere.
    """
    if independent_classes or logits.shape[-1] == 1:
        return ops.sigmoid(logits)
    return ops.softmax(logits, axis=-1)
