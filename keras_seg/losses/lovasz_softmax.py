import keras

from keras_seg.losses.overlap_loss import OverlapLoss
from keras_seg.ops import lovasz_loss


@keras.saving.register_keras_serializable(package="keras_seg")
class LovaszSoftmax(OverlapLoss):
    """Lovász-softmax loss of logits: intersection over union as a loss.

    The Lovász extension of the Jaccard loss of each class that has labels, the mean
    over these classes. It is mostly added to the cross-entropy, or used to fine-tune.
    The errors of every class are sorted, which makes it slower than the other losses.

    Args:
        per_image: bool. Whether each image has an intersection over union of its own,
            of which the mean over the global batch is taken, so that the number of
            devices does not matter; or the images that a device sees in a step have
            one together, which is nearer to the measure of a whole data set.
        ignore_class: int, tuple of ints, or None. Pixels with such a label do not
            count.
        name: str.
        **kwargs: `reduction` and `dtype`, see `SegmentationCrossentropy`.

    Call arguments:
        y_true, y_pred: see `SegmentationCrossentropy`. Independent classes have the
            hinge-free loss of their sigmoids.
        sample_weight: None, or weights that broadcast to the labels, one a pixel or, of
            shape `(batch,)`, one an image. Within an image, pixels count by them in the
            intersection and the union; among images, by the mean of their weights.

    Returns:
        float32 scalar in [0, 1], finite for finite logits; 0 where no pixel is valid.

    Raises:
        ValueError: If shapes or `ignore_class` do not fit.

    Example:

    ```python
    loss = WeightedSumLoss([SegmentationCrossentropy(), LovaszSoftmax()])
    model.compile("sgd", loss)
    ```

    Reference: [Berman et al., 2018](https://arxiv.org/abs/1705.08790), section 3.
    """

    def __init__(
        self, per_image=True, ignore_class=255, name="lovasz_softmax", **kwargs
    ):
        super().__init__(ignore_class, name, **kwargs)
        self.per_image = bool(per_image)

    def share_of_areas(self, probabilities, actual, weights):
        return lovasz_loss(probabilities, actual, weights, self.per_image)

    def get_config(self):
        return super().get_config() | {"per_image": self.per_image}
