import keras

from keras_seg.layers.pass_through import PassThrough
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class NetworkOutput(PassThrough):
    """Says of an output of a network what it is for, and passes it on.

    The last layer of each output of the networks of `keras_seg.models`, and of your own
    that `inference_model`, `named_targets`, evaluation and export shall know. It stays
    with the output wherever that goes: into other models, copies and saved files.
    `keras_seg.models.network_info` reads what is said here.

    Args:
        target: what the loss compares the output with: "labels"; "image" for the image
            on the scale of RGB / 255; or None for an output that is a loss already, see
            `keras_seg.losses.OutputLoss`.
        training_only: bool. Whether predictions do without the output.
        scale: positive int. By how much the images are reduced before the network, and
            so how many times finer the output is than without that: 1 but for
            super-resolution.
        release: str or None. The name of the authors' network whose weights the model
            takes: see `keras_seg.checkpoints.released_model`.
        **kwargs: Base layer arguments, such as `name`.

    Input shape: any, of any dtype. Output shape: the same.

    Raises:
        ValueError: If `target` is another, or `scale` is not a positive integer.

    Example:

    ```python
    outputs = {
        "segmentation": NetworkOutput()(logits),
        "edges": NetworkOutput(training_only=True)(edges),
    }
    model = keras.Model(image, outputs)
    inference_model(model)(images)  # the logits alone
    ```
    """

    def __init__(
        self, target="labels", training_only=False, scale=1, release=None, **kwargs
    ):
        super().__init__(**kwargs)
        if target not in ("labels", "image", None):
            raise ValueError(
                f'`target` must be "labels", "image" or None. Received: {target=}'
            )
        require_positive_integer("scale", scale)
        self.target = target
        self.training_only = training_only
        self.scale = scale
        self.release = release

    def get_config(self):
        return super().get_config() | {
            "target": self.target,
            "training_only": self.training_only,
            "scale": self.scale,
            "release": self.release,
        }
