import keras

from keras_seg.layers.pass_through import PassThrough


@keras.saving.register_keras_serializable(package="keras_seg")
class NetworkTensor(PassThrough):
    """Says what a tensor within a network is, and passes it on.

    What is put around a network finds its place by it, whatever the layers are called:
    `keras_seg.models.dual_super_resolution` the features, `replace_classifier` the
    layer that makes the logits.

    Args:
        role: "encoder" for the features that the image is described by, which a decoder
            starts from; "decoder" for the last features before the prediction; or
            "logits" for what a classifier returns, right behind it.
        **kwargs: Base layer arguments, such as `name`.

    Input shape: `(batch, rows, columns, channels)`. Output shape: the same.

    Raises:
        ValueError: If `role` is another.

    Example:

    ```python
    x = NetworkTensor("decoder")(x)
    logits = NetworkTensor("logits")(keras.layers.Conv2D(num_classes, 1)(x))
    ```
    """

    def __init__(self, role, **kwargs):
        super().__init__(**kwargs)
        if role not in ("encoder", "decoder", "logits"):
            raise ValueError(
                f'`role` must be "encoder", "decoder" or "logits". Received: {role=}'
            )
        self.role = role

    def get_config(self):
        return super().get_config() | {"role": self.role}
