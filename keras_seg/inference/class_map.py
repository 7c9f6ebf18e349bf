from keras import ops

from keras_seg.ops.xla import tensorflow


def class_map(logits):
    """The class of each pixel.

    That of the largest logit; or, where there is one logit, 1 where it is above 0,
    which is a probability above one half, and else 0.

    Args:
        logits: float tensor `(batch, height, width, classes)`.

    Returns:
        Integer tensor `(batch, height, width)` of the type that `class_dtype` names.

    Example: `class_map(keras.ops.ones((2, 4, 6, 11)))` is uint8 of shape (2, 4, 6).
    """
    num_classes = logits.shape[-1]
    if num_classes == 1:
        classes = logits[..., 0] > 0
    elif tf := tensorflow():
        # That of keras.ops tells -0.0 from 0.0, with operations that exports keep.
        classes = tf.argmax(logits, axis=-1)
    else:
        classes = ops.argmax(logits, axis=-1)
    return ops.cast(classes, class_dtype(num_classes))


def class_dtype(num_classes):
    """The type of class maps: "uint8", or "int32" above 256 classes."""
    return "uint8" if num_classes <= 256 else "int32"
