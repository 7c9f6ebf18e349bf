from keras import ops

from keras_seg.losses.segmentation_loss import SegmentationLoss


class OverlapLoss(SegmentationLoss):
    """Base class of the losses that compare the areas of classes, not single pixels.

    Args:
        ignore_class: See `SegmentationLoss`.
        name: str.
        reduction: See `SegmentationLoss`.
        dtype: See `SegmentationLoss`.
    """

    # No `**kwargs`: `class_weights` is an unknown argument, not one given twice.
    def __init__(self, ignore_class, name, reduction="sum_over_batch_size", dtype=None):
        super().__init__(ignore_class, None, name, reduction, dtype)

    def share_of_areas(self, probabilities, actual, weights):
        """Returns this replica's share of the loss.

        Args:
            probabilities: float tensor `(batch, height, width, classes)`.
            actual: float tensor of that shape: 1 where a pixel has the class, else 0.
            weights: float tensor that broadcasts to that shape, 0 for ignored pixels.

        Returns:
            float scalar.
        """
        raise NotImplementedError

    def share(self, labels, logits, weights):
        actual = ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
        probabilities = ops.softmax(logits, axis=-1)
        return self.share_of_areas(probabilities, actual, weights[..., None])

    def share_of_independent(self, labels, logits, weights):
        actual = ops.cast(labels, logits.dtype)
        return self.share_of_areas(ops.sigmoid(logits), actual, weights)
