"""What a file for another runtime contains: raw images to classes, as one graph."""

import tensorflow as tf

from keras_seg.export.requirements import require_segmentation
from keras_seg.models import inference_model

OUTPUTS = ("classes", "probabilities", "logits")


class PortableGraph:
    """A model's graph from raw images to named outputs.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation".
        size: pair (height, width) of the images. None: the model's own where it is
            fixed, else any.
        batch_size: int, the number of images. None: any.
        outputs: sequence of names among "classes", "probabilities" and "logits".
        input_dtype: "uint8" or "float32", of the images.
        positions: bool. Whether "positions" are a second input.

    Attributes:
        network: the functional `keras.Model` from images (and positions) to logits.
        signature: list of `tf.TensorSpec`, "images" first.
        function: the `tf.function` of these, which gives a dict of `outputs`.

    Raises:
        TypeError: If `outputs` is a str.
        ValueError: If an argument does not fit, or the model has no logits of images.

    Example:

    ```python
    graph = PortableGraph(model, (64, 96), 1, ("classes",), "uint8", False)
    graph.function(tf.zeros((1, 64, 96, 3), "uint8"))["classes"].shape  # (1, 64, 96)
    ```
    """

    def __init__(self, model, size, batch_size, outputs, input_dtype, positions):
        _check_outputs(outputs)
        if input_dtype not in ("uint8", "float32"):
            raise ValueError(
                f'`input_dtype` must be "uint8" or "float32". Received: {input_dtype!r}'
            )
        if batch_size is not None:
            _require_positive("batch_size", batch_size)
        self.network = inference_model(model, positions)
        require_segmentation(self.network)
        self.outputs = tuple(outputs)
        image, *extra = self.network.inputs
        size = _resolve_size(size, tuple(image.shape[1:3]))
        shape = (batch_size, *size, image.shape[-1])
        self.signature = [tf.TensorSpec(shape, input_dtype, name="images")]
        if extra:
            rows = (batch_size, size[0])
            self.signature.append(tf.TensorSpec(rows, "int32", name="positions"))
        self.function = tf.function(
            self._run, input_signature=self.signature, autograph=False
        )

    @property
    def class_dtype(self):
        return "uint8" if self.network.output_shape[-1] <= 256 else "int32"

    def _run(self, images, *positions):
        images = tf.cast(images, "float32")
        inputs = [images, *positions] if positions else images
        logits = tf.cast(self.network(inputs, training=False), "float32")
        results = {}
        if "classes" in self.outputs:
            results["classes"] = tf.cast(tf.argmax(logits, axis=-1), self.class_dtype)
        if "probabilities" in self.outputs:
            results["probabilities"] = tf.nn.softmax(logits)
        if "logits" in self.outputs:
            results["logits"] = tf.identity(logits)
        return results


def _check_outputs(outputs):
    if isinstance(outputs, str):
        raise TypeError(
            f"`outputs` must be a sequence of names. Received: {outputs!r}. Pass "
            f"({outputs!r},)."
        )
    if not outputs or not set(outputs) <= set(OUTPUTS):
        raise ValueError(
            f"`outputs` must be one or more of {', '.join(OUTPUTS)}. "
            f"Received: {outputs}"
        )


def _require_positive(name, number):
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"`{name}` must be a positive int. Received: {number!r}")


def _resolve_size(size, model_size):
    """The size of the images: what is asked for, or else what the model has."""
    if size is None:
        return model_size
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(
            f"`size` must be a pair (height, width) or None. Received: {size!r}"
        )
    for number, fixed in zip(size, model_size, strict=True):
        _require_positive("size", number)
        if fixed not in (None, number):
            raise ValueError(
                f"The model takes images of {model_size[0]} x {model_size[1]} alone. "
                f"Received: {size=}"
            )
    return tuple(size)
