"""Graph of a model for other runtimes, from raw images to class maps."""

import tensorflow as tf

from keras_seg.export.comparison import (
    TRIAL_SIZES,
    expected_logits,
    require_agreement,
    trial_images,
    trial_positions,
)
from keras_seg.export.float32_network import float32_network
from keras_seg.export.serving_function import OUTPUTS, ServingFunction
from keras_seg.models.segmentation_network import segmentation_network
from keras_seg.positive_integer import require_positive_integer
from keras_seg.sequence_argument import require_sequence


class PortableGraph:
    """Serving function of a model in float32, for given input shapes and outputs.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation".
        size: pair (height, width) of the images. None: the model's fixed input size, or
            dynamic shapes if it has none.
        batch_size: int, the number of images, or None for any number.
        outputs: sequence of names among "classes", "probabilities" and "logits".
        input_dtype: "uint8" or "float32". Dtype of the images.
        positions: bool. Whether "positions" are a second input.

    Attributes:
        serving: the `ServingFunction`.
        signature: list of `tf.TensorSpec`, "images" first.
        function: the `tf.function` with this signature, which returns a dict of
            `outputs`.

    Raises:
        TypeError: If `outputs` is a str, or if the model is not functional.
        ValueError: If an argument does not match the model, or if the model does not
            return logits for images.

    Example:
        ```python
        graph = PortableGraph(model, (64, 96), 1, ("classes",), "uint8", False)
        images = tf.zeros((1, 64, 96, 3), "uint8")
        graph.function(images)["classes"].shape  # (1, 64, 96)
        ```
    """

    def __init__(self, model, size, batch_size, outputs, input_dtype, positions):
        _check_outputs(outputs)
        if input_dtype not in ("uint8", "float32"):
            raise ValueError(
                f'`input_dtype` must be "uint8" or "float32". Received: {input_dtype!r}'
            )
        if batch_size is not None:
            batch_size = require_positive_integer("batch_size", batch_size)
        network = float32_network(segmentation_network(model, positions))
        self.serving = ServingFunction(network)
        self.outputs = tuple(outputs)
        image = network.inputs[0]
        size = _resolve_size(size, tuple(image.shape[1:3]))
        shape = (batch_size, *size, image.shape[-1])
        self.signature = [tf.TensorSpec(shape, input_dtype, name="images")]
        if self.serving.takes_positions:
            rows = (batch_size, size[0])
            self.signature.append(tf.TensorSpec(rows, "int32", name="positions"))
        self.function = tf.function(
            self._run, input_signature=self.signature, autograph=False
        )

    def _run(self, images, *positions):
        return self.serving.answer(self.outputs, images, *positions)

    def require_agreement(self, run, tolerance):
        """Raises an error unless a file's outputs match the model's for trial images.

        Args:
            run: function from a dict of arrays by input to a dict of arrays by output.
            tolerance: float. The largest difference of logits, as a share of the
                largest.

        Raises:
            RuntimeError: If an output differs. The message names it.
        """
        batch_size, *fixed_size, channels = self.signature[0].shape
        for trial in TRIAL_SIZES if None in fixed_size else [fixed_size]:
            size = [x or y for x, y in zip(fixed_size, trial, strict=True)]
            images = trial_images(batch_size or 2, size, channels)
            inputs = {"images": images.astype(self.signature[0].dtype.as_numpy_dtype)}
            if self.serving.takes_positions:
                inputs["positions"] = trial_positions(images)
            logits = expected_logits(self.serving, **inputs)
            place = f"for images of {size[0]} x {size[1]}"
            require_agreement(
                run(inputs),
                logits,
                tolerance,
                "The runtime",
                place,
                self.serving.independent_classes,
            )


def _check_outputs(outputs):
    if isinstance(outputs, str):
        raise TypeError(
            f"`outputs` must be a sequence of names. Received: {outputs!r}. Pass "
            f"({outputs!r},)."
        )
    names = require_sequence("outputs", outputs, "names")
    if not names or not all(name in OUTPUTS for name in names):
        raise ValueError(
            f"`outputs` must be one or more of {', '.join(OUTPUTS)}. "
            f"Received: {outputs}"
        )


def _resolve_size(size, model_size):
    """Returns the size of the images: the requested one, or that of the model."""
    if size is None:
        return model_size
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(
            f"`size` must be a pair (height, width) or None. Received: {size!r}"
        )
    for number, fixed in zip(size, model_size, strict=True):
        require_positive_integer("size", number)
        if fixed not in (None, number):
            raise ValueError(
                "`size` must be the fixed input size of the model, "
                f"{model_size[0]} x {model_size[1]}, or None. Received: {size=}"
            )
    return tuple(size)
