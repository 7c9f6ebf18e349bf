from keras import ops

from keras_seg.ops.xla import tensorflow
from keras_seg.typing import Tensor


def class_map(logits: Tensor, independent_classes: bool = False) -> Tensor:
    """Returns the class of each pixel, or a mask for each class.

    The class is the index of the largest logit. For a single logit, it is 1 where the
    logit is above 0, that is, where the probability is above 0.5, and 0 elsewhere.

    Args:
        logits: float tensor `(batch, height, width, classes)`.
        independent_classes: bool. Whether a pixel may have any number of the classes:
            those whose logit is above 0.

    Returns:
        Integer tensor `(batch, height, width)` with the dtype of `class_dtype`. For
        independent classes, uint8 `(batch, height, width, classes)` of 0 and 1.

    Example:
        `class_map(keras.ops.ones((2, 4, 6, 11)))` is uint8 of shape (2, 4, 6).
    """
    if independent_classes:
        return ops.cast(logits > 0, "uint8")
    num_classes = logits.shape[-1]
    if num_classes == 1:
        classes = logits[..., 0] > 0
    elif tf := tensorflow():
        # keras.ops.argmax separates -0.0 from 0.0, which adds operations to exports.
        classes = tf.argmax(logits, axis=-1)
    else:
        classes = ops.argmax(logits, axis=-1)
    return ops.cast(classes, class_dtype(num_classes))


def class_dtype(num_classes):
    """Returns the dtype of class maps: "uint8", or "int32" above 256 classes."""
    return "uint8" if num_classes <= 256 else "int32"
