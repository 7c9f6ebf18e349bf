from typing import Any

import keras

from keras_seg.layers.pass_through import PassThrough


@keras.saving.register_keras_serializable(package="keras_seg")
class NetworkTensor(PassThrough):
    """Marks the role of a tensor within a network; an identity layer.

    `keras_seg.models.dual_super_resolution` finds the features by it, and
    `keras_seg.models.replace_classifier` the layer that computes the logits, whatever
    the names of the layers.

    Args:
        role: "encoder" for the features from which a decoder starts; "decoder" for the
            last features before the prediction; or "logits" for the output of a
            classifier, directly after it.
        **kwargs: Base layer arguments, such as `name`.

    Input shape:
        `(batch, rows, columns, channels)`.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If `role` is not one of these.

    Example:
        ```python
        x = NetworkTensor("decoder")(keras.Input((None, None, 64)))
        logits = NetworkTensor("logits")(keras.layers.Conv2D(11, 1)(x))
        ```
    """

    def __init__(self, role: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if role not in ("encoder", "decoder", "logits"):
            raise ValueError(
                f'`role` must be "encoder", "decoder" or "logits". Received: {role=}'
            )
        self.role = role

    def get_config(self):
        return super().get_config() | {"role": self.role}
