from typing import Any

import keras
from keras import ops

from keras_seg.losses.overlap_loss import OverlapLoss
from keras_seg.ops import lovasz_loss
from keras_seg.positive_integer import require_positive_integer
from keras_seg.typing import IgnoreClass


@keras.saving.register_keras_serializable(package="keras_seg")
class LovaszSoftmax(OverlapLoss):
    """Lovász-softmax loss of logits: intersection over union as a loss.

    Computes the Lovász extension of the Jaccard loss for each class that occurs in the
    labels and averages over these classes. It is usually added to the cross-entropy or
    used for fine-tuning. It sorts the errors of every class, so it is slower than the
    other losses.

    Args:
        per_image: bool. Whether to compute the loss for each image and average over the
            global batch, so that the number of devices does not matter. False computes
            one loss over all images of a device, which is closer to the metric of a
            whole data set.
        ignore_class: int, tuple of ints, or None. Pixels with such a label are ignored.
        name: str.
        stride: int. Only every `stride`-th row and column counts, from row and column
            `stride // 2` on, or from the middle of a shorter side. This saves most of
            the time: sorting all pixels of large crops takes as long as the network.
        **kwargs: `reduction` and `dtype`; see `SegmentationCrossentropy`.

    Call arguments:
        y_true: See `SegmentationCrossentropy`.
        y_pred: See `SegmentationCrossentropy`. For independent classes, the errors are
            those of the sigmoids.
        sample_weight: None, or weights that broadcast to the labels: one per pixel, or
            of shape `(batch,)` for one per image. They weight pixels in the
            intersection and union; an image counts by the mean of its weights.

    Returns:
        float32 scalar in [0, 1], finite for finite logits; 0 if no pixel is valid.

    Raises:
        ValueError: If `stride` is not a positive integer, if the shapes of labels,
            logits and sample weights do not agree, if `ignore_class` is invalid, or if
            a label is neither a class nor ignored.

    Example:
        ```python
        loss = WeightedSumLoss([SegmentationCrossentropy(), LovaszSoftmax()])
        model.compile("sgd", loss)
        ```

    References:
        [Berman et al., 2018](https://arxiv.org/abs/1705.08790), section 3.
    """

    def __init__(
        self,
        per_image: bool = True,
        ignore_class: IgnoreClass = 255,
        name: str = "lovasz_softmax",
        stride: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(ignore_class, name, **kwargs)
        stride = require_positive_integer("stride", stride)
        self.per_image = bool(per_image)
        self.stride = stride

    def share_of_areas(self, probabilities, actual, weights):
        weights = ops.broadcast_to(weights, (*ops.shape(actual)[:3], weights.shape[3]))
        return lovasz_loss(
            *(self._thinned(x) for x in (probabilities, actual, weights)),
            self.per_image,
        )

    def _thinned(self, x):
        row, column = (self._first(size) for size in ops.shape(x)[1:3])
        return x[:, row :: self.stride, column :: self.stride]

    def _first(self, size):
        """Returns the first place that counts of a side, so that none is empty."""
        if isinstance(size, int):
            return min(self.stride // 2, (size - 1) // 2)
        return ops.minimum(self.stride // 2, (size - 1) // 2)

    def get_config(self):
        return super().get_config() | {
            "per_image": self.per_image,
            "stride": self.stride,
        }
