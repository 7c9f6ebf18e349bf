import keras

from keras_seg.losses.overlap_loss import OverlapLoss
from keras_seg.ops import tversky_loss


@keras.saving.register_keras_serializable(package="keras_seg")
class SegmentationDice(OverlapLoss):
    """Dice loss of logits: the mean over the classes of the global batch.

    One minus twice the overlap of prediction and label by the sum of both, for each
    class that has labels in the global batch, so that small classes count as much as
    large ones; see `keras_seg.ops.dice_loss`. One
    logit a pixel counts as the two classes of its sigmoid.

    `keras.losses.Dice` wants one-hot labels and probabilities. It takes what is
    predicted in ignored pixels for wrong; by class (`axis=(0, 1, 2)`), classes that are
    not there count 1, and without an axis the large classes decide; and it averages the
    coefficients of the replicas, which is not that of the batch.

    Args:
        ignore_class: int, tuple of ints, or None. Pixels with such a label do not
            count.
        name: str.
        **kwargs: `reduction` and `dtype`, see `SegmentationCrossentropy`.

    Call arguments:
        y_true, y_pred: see `SegmentationCrossentropy`.
        sample_weight: None, or weights that broadcast to the labels, one a pixel or, of
            shape `(batch,)`, one an image: by how much they count in the sums.

    Returns:
        float32 scalar in [0, 1], finite for finite logits; 0 where no pixel is valid.

    Raises:
        ValueError: If shapes or `ignore_class` do not fit.

    Example: beside the cross-entropy, as it is mostly used,

    ```python
    loss = WeightedSumLoss([SegmentationCrossentropy(), SegmentationDice()])
    model.compile("sgd", loss)
    ```

    Reference: [Milletari et al., 2016](https://arxiv.org/abs/1606.04797), section 3.
    """

    def __init__(self, ignore_class=255, name="segmentation_dice", **kwargs):
        super().__init__(ignore_class, name, **kwargs)

    def share_of_areas(self, probabilities, actual, weights):
        return tversky_loss(probabilities, actual, weights, 0.5, 0.5)
