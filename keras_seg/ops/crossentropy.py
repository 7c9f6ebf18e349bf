"""Cross-entropies of pixels."""

from keras import ops

from keras_seg.ops.xla import xla_op


@xla_op
def crossentropies(labels, logits):
    """Computes the cross-entropy of each pixel.

    Args:
        labels: integer tensor `(batch, height, width)`, in 0..classes - 1.
        logits: float tensor `(batch, height, width, classes)`.

    Returns:
        Float tensor `(batch, height, width)`.
    """
    return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
