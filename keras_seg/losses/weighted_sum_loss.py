from collections.abc import Sequence

import keras

from keras_seg.sequence_argument import require_sequence


@keras.saving.register_keras_serializable(package="keras_seg")
class WeightedSumLoss(keras.losses.Loss):
    """Weighted sum of several losses of one output.

    Keras accepts a list of losses for each output of a dict. For a model with a single
    output tensor it silently computes only the first loss of the list; use this class
    instead.

    Args:
        losses: sequence of one or more `keras.losses.Loss`.
        weights: sequence with a float for each loss, or None for 1 each.
        name: str.

    Call arguments:
        y_true: Passed to each loss.
        y_pred: Passed to each loss.
        sample_weight: Passed to each loss.

    Returns:
        float scalar.

    Raises:
        TypeError: If one of `losses` is not a `keras.losses.Loss`.
        ValueError: If `losses` or `weights` is not a sequence, if there is no loss, or
            if the numbers of losses and weights differ.

    Example:
        ```python
        losses = [SegmentationCrossentropy(), SegmentationDice()]
        loss = WeightedSumLoss(losses, weights=[1.0, 3.0])
        model.compile("sgd", loss)
        ```
    """

    def __init__(
        self,
        losses: Sequence[keras.losses.Loss],
        weights: Sequence[float] | None = None,
        name: str = "weighted_sum_loss",
    ) -> None:
        super().__init__(name=name, reduction="sum")
        self.losses = [*require_sequence("losses", losses, "keras.losses.Loss")]
        self.weights = [1.0] * len(self.losses)
        if weights is not None:
            self.weights = [*require_sequence("weights", weights, "floats")]
        for loss in self.losses:
            if not isinstance(loss, keras.losses.Loss):
                raise TypeError(
                    f"Each of `losses` must be a keras.losses.Loss. Received: {loss!r}"
                )
        if not self.losses or len(self.losses) != len(self.weights):
            raise ValueError(
                "`losses` must not be empty and must have one of `weights` each. "
                f"Received: {len(self.losses)} losses, {weights=}"
            )

    # Overrides `__call__` and not `call`, because each loss applies its own reduction,
    # weights and distribution.
    def __call__(self, y_true, y_pred, sample_weight=None):
        return sum(
            weight * loss(y_true, y_pred, sample_weight)
            for loss, weight in zip(self.losses, self.weights, strict=True)
        )

    def get_config(self):
        return {
            "name": self.name,
            "losses": [keras.losses.serialize(loss) for loss in self.losses],
            "weights": self.weights,
        }

    @classmethod
    def from_config(cls, config):
        losses = [keras.losses.deserialize(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})
