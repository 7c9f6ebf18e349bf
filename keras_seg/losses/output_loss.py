import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seg")
class OutputLoss(keras.losses.Loss):
    """The model's output is the loss already: its mean over the batch.

    For outputs that a layer computes as a loss for each image, such as DSRL's feature
    affinity. Keras wants a target for every output all the same: it is not read, and
    may be anything, zeros of shape `(batch,)` for one.

    Args:
        name: str.

    Call arguments:
        y_true: not read.
        y_pred: float tensor of losses, `(batch,)` or any other shape.

    Returns:
        float32 scalar.

    Example:

    ```python
    model.compile("sgd", loss={"feature_affinity": OutputLoss()})
    ```
    """

    def __init__(self, name="output_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def __call__(self, y_true, y_pred, sample_weight=None):
        # A target in the place of `y_true` keeps Keras from converting what was given.
        return super().__call__(y_pred, y_pred, sample_weight)

    def call(self, y_true, y_pred):
        # At least one axis: Keras does not average a scalar over replicas.
        return ops.cast(ops.reshape(y_pred, (-1,)), "float32")
