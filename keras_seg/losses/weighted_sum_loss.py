import keras


@keras.saving.register_keras_serializable(package="keras_seg")
class WeightedSumLoss(keras.losses.Loss):
    """Several losses of one output, added up.

    Keras takes a list of losses for an output of a dict. Where a model's output is a
    bare tensor it computes the first of the list only, and does not say so.

    Args:
        losses: sequence of one or more `keras.losses.Loss`.
        weights: sequence of a float for each loss, or None: 1 for each.
        name: str.

    Call arguments:
        y_true, y_pred, sample_weight: those of the losses.

    Returns:
        float scalar.

    Raises:
        TypeError: If one of `losses` is no `keras.losses.Loss`.
        ValueError: If there is no loss, or not one weight for each.

    Example:

    ```python
    loss = WeightedSumLoss([SegmentationCrossentropy(), SegmentationDice()], [1.0, 3.0])
    model.compile("sgd", loss)
    ```
    """

    def __init__(self, losses, weights=None, name="weighted_sum_loss"):
        super().__init__(name=name, reduction="sum")
        self.losses = list(losses)
        self.weights = [1.0] * len(self.losses) if weights is None else list(weights)
        for loss in self.losses:
            if not isinstance(loss, keras.losses.Loss):
                raise TypeError(
                    f"`losses` must be of keras.losses.Loss. Received: {loss!r}"
                )
        if not self.losses or len(self.losses) != len(self.weights):
            raise ValueError(
                "`losses` must be one or more, with one of `weights` for each. "
                f"Received: {len(self.losses)} losses, {weights=}"
            )

    # Not `call`: each loss has its own way to be reduced, weighted and distributed.
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
