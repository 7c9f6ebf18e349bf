from typing import Any

import keras
from keras import ops

from keras_seg.ops.labels import weights_of_losses


@keras.saving.register_keras_serializable(package="keras_seg")
class OutputLoss(keras.losses.Loss):
    """Mean over the batch of a model output that is a loss itself.

    Use it for outputs that a layer computes as one loss per image, such as DSRL's
    feature affinity. Keras requires a target for every output; this one is not read and
    may be anything, such as zeros of shape `(batch,)`.

    Args:
        name: str.
        **kwargs: Arguments of `keras.losses.Loss`, such as `reduction`.

    Call arguments:
        y_true: Not read.
        y_pred: float tensor of losses, `(batch,)` or any other shape.
        sample_weight: None, or weights that broadcast to the losses: one per loss, or
            of shape `(batch,)` for one per image.

    Returns:
        float32 scalar.

    Raises:
        ValueError: If the shapes of losses and sample weights do not agree.

    Example:
        ```python
        model.compile("sgd", loss={"feature_affinity": OutputLoss()})
        ```
    """

    def __init__(self, name: str = "output_loss", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def __call__(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred)
        shape = tuple(y_pred.shape)
        if not shape:
            # Adds an axis, because Keras does not average a scalar over replicas.
            y_pred, shape = ops.reshape(y_pred, (1,)), (None,)
        if sample_weight is not None:
            sample_weight = weights_of_losses(sample_weight, shape)
        # Passing `y_pred` twice keeps Keras from converting the target.
        return super().__call__(y_pred, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        return ops.cast(y_pred, "float32")
