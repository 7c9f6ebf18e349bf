import keras

from keras_seg.layers.pass_through import PassThrough


@keras.saving.register_keras_serializable(package="keras_seg")
class NetworkInput(PassThrough):
    """Says of an input beside the image what it holds, and passes it on.

    A network that can do without the input takes what this layer returns as an optional
    keyword argument of its other layers: `inference_model` gives them None instead.
    `keras_seg.models.network_info` reads what is said here.

    Args:
        content: "labels", the integer labels that the loss gets too, for training only;
            or "positions", the rows of the uncropped image, which may be given in
            predictions too.
        **kwargs: Base layer arguments, such as `name`.

    Input shape: any, of any dtype. Output shape: the same.

    Raises:
        ValueError: If `content` is another.

    Example:

    ```python
    labels = keras.Input((None, None), dtype="int32", name="labels")
    x, loss = context_prior(x, labels=NetworkInput("labels")(labels))
    ```
    """

    def __init__(self, content, **kwargs):
        super().__init__(**kwargs)
        if content not in ("labels", "positions"):
            raise ValueError(
                f'`content` must be "labels" or "positions". Received: {content=}'
            )
        self.content = content

    def get_config(self):
        return super().get_config() | {"content": self.content}
