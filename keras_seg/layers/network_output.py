from typing import Any

import keras

from keras_seg.layers.pass_through import PassThrough
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class NetworkOutput(PassThrough):
    """Marks the purpose of a network output; an identity layer.

    It is the last layer of each output of the networks in `keras_seg.models`. End the
    outputs of your own networks with it if `inference_model`, `named_targets`,
    evaluation and export should recognize them. The mark is kept in copies of the
    model, in models that contain it, and in saved files.
    `keras_seg.models.network_info` reads it.

    Args:
        target: the target of the loss for this output: "labels"; "image" for the image
            as RGB / 255; or None for an output that is a loss itself, see
            `keras_seg.losses.OutputLoss`.
        training_only: bool. Whether the output is used in training only and left out of
            predictions.
        scale: positive int. The factor by which the images are reduced before the
            network, and the output is enlarged relative to them: 1 except for
            super-resolution.
        release: str or None. The name of the authors' network whose weights fit the
            model; see `keras_seg.checkpoints.released_model`.
        independent_classes: bool. Whether the channels are classes that a pixel may
            have any number of, each predicted by a sigmoid.
        **kwargs: Base layer arguments, such as `name`.

    Input shape:
        Any, of any dtype.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If `target` is not one of these, if `scale` is not a positive
            integer, or if classes are independent in an output without labels.

    Example:
        ```python
        image = keras.Input((None, None, 3))
        x = keras.layers.Conv2D(8, 3, padding="same")(image)
        outputs = {
            "segmentation": NetworkOutput()(keras.layers.Conv2D(11, 1)(x)),
            "edges": NetworkOutput(training_only=True)(keras.layers.Conv2D(1, 1)(x)),
        }
        model = keras.Model(image, outputs)
        inference_model(model).output_shape  # (None, None, None, 11)
        ```
    """

    def __init__(
        self,
        target: str | None = "labels",
        training_only: bool = False,
        scale: int = 1,
        release: str | None = None,
        independent_classes: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if target not in ("labels", "image", None):
            raise ValueError(
                f'`target` must be "labels", "image" or None. Received: {target=}'
            )
        scale = require_positive_integer("scale", scale)
        if independent_classes and target != "labels":
            raise ValueError(
                "`independent_classes` must be False for an output that does not learn "
                f"labels. Received: {target=}"
            )
        self.target = target
        self.training_only = training_only
        self.scale = scale
        self.release = release
        self.independent_classes = independent_classes

    def get_config(self):
        return super().get_config() | {
            "target": self.target,
            "training_only": self.training_only,
            "scale": self.scale,
            "release": self.release,
            "independent_classes": self.independent_classes,
        }
