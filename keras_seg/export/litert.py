"""Export to LiteRT.

Keras's `model.export(format="litert")` only writes the network itself, without class
maps, uint8 images, image sizes, quantization or a check of the result.
"""

import numbers
import pathlib
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seg.data import read_image
from keras_seg.export.comparison import class_agreement, expected_logits
from keras_seg.export.new_file import require_new_file
from keras_seg.export.portable_graph import PortableGraph
from keras_seg.inference.class_map import class_map
from keras_seg.ops import row_positions
from keras_seg.ops.convolution import plain_convolutions
from keras_seg.ops.xla import require_tensorflow, xla_scope
from keras_seg.sequence_argument import require_sequence
from keras_seg.storage.paths import put, temporary_folder_for
from keras_seg.typing import PathLike

# Tolerance of logits, as a share of the largest. float16 weights have eleven bits.
_TOLERANCE = {None: 1e-4, "float16": 2e-2}


def export_litert(
    model: keras.Model,
    path: PathLike,
    size: Sequence[int] | None = None,
    batch_size: int = 1,
    outputs: Sequence[str] = ("classes",),
    input_dtype: str = "uint8",
    positions: bool = False,
    quantization: str | None = None,
    representative_images: Iterable[Any] | None = None,
    min_agreement: float = 0.9,
    overwrite: bool = False,
) -> pathlib.Path:
    """Exports a model as a file for LiteRT (formerly TensorFlow Lite), for devices.

    The input "images" `(batch, height, width, 3)` takes raw images in 0..255; the file
    includes the model's preprocessing. Outputs that only training needs are removed.
    The file is loaded in LiteRT and checked against the model before it is saved.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation".
            A model in mixed precision is written in float32, with the same weights.
        path: str or path of the file, which must end in `.tflite`; also on another file
            system such as gs://.
        size: pair (height, width) of the images, or None for the fixed input size of
            the model. LiteRT's converter does not support dynamic shapes.
        batch_size: int. Number of images.
        outputs: sequence of output names: "classes" `(batch, height, width)`, uint8, or
            int32 for more than 256 classes, or of independent classes masks of 0 and 1,
            uint8 `(batch, height, width, classes)`; "probabilities" and "logits", both
            float32 `(batch, height, width, classes)`.
        input_dtype: "uint8" or "float32". Dtype of the images.
        positions: bool. For a `HANet(positions=True)`: whether the file has a second
            input, "positions", int32 `(batch, height)`, for windows of larger images.
            Without it, each image is treated as a whole image.
        quantization: None; "float16", which halves the size of the weights; or "int8",
            which quarters it and uses integer arithmetic, and needs
            `representative_images`.
        representative_images: iterable of arrays `(height, width, channels)` in 0..255
            of the given `size`, such as a hundred training images, from which the
            ranges of activations are determined. Only for "int8".
        min_agreement: float in 0..1. For "int8": the smallest share of pixels of the
            representative images whose class must equal that of the model.
        overwrite: bool. Whether to replace an existing file.

    Returns:
        Path of the file.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is False.
        ImportError: If ai-edge-litert is not installed: `pip install
            keras-seg[litert]`.
        TypeError: If `outputs` is a str, or if the model is not functional.
        ValueError: If an argument does not match the model or another argument, or if
            the model does not return logits for images.
        RuntimeError: If Keras does not run on TensorFlow, if LiteRT cannot load the
            file, as with some models of sliding windows, or if the results in LiteRT
            differ from the model's: logits by more than 1e-4 of the largest (2e-2 with
            "float16"), classes other than ties, or with "int8" more classes than
            `min_agreement` allows. Nothing is written then.

    Example:
        ```python
        from ai_edge_litert.interpreter import Interpreter

        path = export_litert(model, "spnet.tflite", (64, 96), quantization="float16")
        run = Interpreter(str(path)).get_signature_runner()
        classes = run(images=images)["classes"]
        ```
    """
    require_tensorflow("export_litert")
    interpreter = _interpreter_class()
    target = require_new_file(path, ".tflite", overwrite)
    graph = PortableGraph(model, size, batch_size, outputs, input_dtype, positions)
    shape = tuple(graph.signature[0].shape)
    if None in shape:
        raise ValueError(
            "`size` and `batch_size` must be given: LiteRT needs a fixed shape. "
            f"Received: {size=}, {batch_size=} for a model with dynamic shapes"
        )
    if not isinstance(min_agreement, numbers.Real) or not 0 <= min_agreement <= 1:
        raise ValueError(
            f"`min_agreement` must be a float in 0..1. Received: {min_agreement=}"
        )
    images = _representative(quantization, representative_images, shape)
    content = _convert(graph, quantization, images)

    with temporary_folder_for(target) as folder:
        written = folder / target.name
        written.write_bytes(content)
        loaded = _load(interpreter, written)
        runner = loaded.get_signature_runner()

        def run(inputs):
            answer = runner(**inputs)
            return {name: answer[name] for name in outputs}

        if quantization == "int8":
            _require_agreement(graph, run, images, min_agreement)
        else:
            graph.require_agreement(run, _TOLERANCE[quantization])
        put(written, target)
    return target


def _load(interpreter, path):
    try:
        return interpreter(str(path))
    except ValueError as error:
        raise RuntimeError(
            "LiteRT does not load the file that its converter wrote, and nothing was "
            "saved. It does not support every model, such as some with sliding "
            f"windows: {error}"
        ) from error


def _convert(graph, quantization, images):
    """Returns the content of the file."""
    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(graph.serving.network)
        with xla_scope(False), plain_convolutions():
            archive.add_endpoint("serve", graph.function)
            archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serve"]
        )
        if quantization is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantization == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantization == "int8":
            converter.representative_dataset = lambda: _batches(graph, images)
        return converter.convert()


def _representative(quantization, images, shape):
    """Returns the representative images as one array of whole batches."""
    if quantization not in (None, "float16", "int8"):
        raise ValueError(
            '`quantization` must be None, "float16" or "int8". '
            f"Received: {quantization!r}"
        )
    if (quantization == "int8") != (images is not None):
        raise ValueError(
            '`representative_images` must be given with quantization="int8", and only '
            f"then. Received: {quantization=} and representative_images "
            + ("None" if images is None else "that are not None")
        )
    if images is None:
        return None
    batch_size, *image_shape = shape
    content = "arrays (height, width, channels)"
    images = require_sequence("representative_images", images, content)
    images = [np.asarray(image) for image in images]
    for image in images:
        if image.shape != tuple(image_shape):
            raise ValueError(
                f"`representative_images` must have the shape {tuple(image_shape)}. "
                f"Received: an image of shape {image.shape}"
            )
        read_image(image, image.shape[-1])  # raises an error unless it is in 0..255
    usable = len(images) - len(images) % batch_size
    if not usable:
        raise ValueError(
            f"`representative_images` must be at least {batch_size} images. Received: "
            f"{len(images)}"
        )
    return np.stack(images[:usable])


def _batches(graph, images):
    """Yields batches of inputs from the representative images, as whole images."""
    spec = graph.signature[0]
    batch_size, height = spec.shape[:2]
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        inputs = {"images": batch.astype(spec.dtype.as_numpy_dtype)}
        if graph.serving.takes_positions:
            rows = row_positions(np.arange(height, dtype="int32"), height)
            inputs["positions"] = np.tile(rows, (batch_size, 1))
        yield inputs


def _require_agreement(graph, run, images, min_agreement):
    share = np.mean(
        [
            class_agreement(
                _classes(run(inputs), graph.serving.independent_classes),
                expected_logits(graph.serving, **inputs),
                graph.serving.independent_classes,
            )
            for inputs in _batches(graph, images)
        ]
    )
    if not share >= min_agreement:
        raise RuntimeError(
            f"Only {share:.1%} of the pixels of the representative images keep their "
            f"class in int8, where {min_agreement:.1%} must, and nothing was written. "
            'Give more images, use quantization="float16", or lower `min_agreement`.'
        )


def _classes(answer, independent_classes):
    """Returns the classes according to the first output."""
    name, values = next(iter(answer.items()))
    if name == "classes":
        return values
    has_sigmoid = independent_classes or values.shape[-1] == 1
    logits = values - 0.5 if has_sigmoid and name == "probabilities" else values
    return class_map(tf.constant(logits), independent_classes).numpy()


def _interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(
            f"`export_litert` needs {error.name}: pip install keras-seg[litert]"
        ) from error
    return Interpreter
