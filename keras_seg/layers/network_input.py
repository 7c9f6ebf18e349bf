from typing import Any

import keras

from keras_seg.layers.pass_through import PassThrough


@keras.saving.register_keras_serializable(package="keras_seg")
class NetworkInput(PassThrough):
    """Marks the content of a network input other than the image; an identity layer.

    Pass its output to an optional keyword argument of another layer. `inference_model`
    replaces the input by None there. `keras_seg.models.network_info` reads the mark.

    Args:
        content: "labels" for the integer labels of the loss, used in training only; or
            "positions" for the rows of the uncropped image, which predictions may use
            too.
        **kwargs: Base layer arguments, such as `name`.

    Input shape:
        Any, of any dtype.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If `content` is not one of these.

    Example:
        ```python
        x = keras.Input((12, 10, 64))
        labels = keras.Input((None, None), dtype="int32", name="labels")
        loss = keras_seg.losses.AffinityLoss((12, 10), num_classes=11)
        context_prior = ContextPriorLayer(16, (12, 10), fused_loss=loss)
        x, loss = context_prior(x, labels=NetworkInput("labels")(labels))
        ```
    """

    def __init__(self, content: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if content not in ("labels", "positions"):
            raise ValueError(
                f'`content` must be "labels" or "positions". Received: {content=}'
            )
        self.content = content

    def get_config(self):
        return super().get_config() | {"content": self.content}
