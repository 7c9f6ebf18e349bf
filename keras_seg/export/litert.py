"""Files for LiteRT.

Keras's `model.export(format="litert")` writes the network alone: without the classes,
uint8 images, sizes and quantization that are asked for here, nor a comparison.
"""

import os
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

from keras_seg.export.comparison import class_agreement, expected_logits
from keras_seg.export.new_file import require_new_file
from keras_seg.export.portable_graph import PortableGraph
from keras_seg.inference.class_map import class_map
from keras_seg.ops import row_positions
from keras_seg.ops.convolution import plain_convolutions
from keras_seg.ops.xla import require_tensorflow, xla_scope

# Of logits, as shares of the largest. Weights in float16 have eleven binary digits.
_TOLERANCE = {None: 1e-4, "float16": 2e-2}


def export_litert(
    model,
    path,
    size=None,
    batch_size=1,
    outputs=("classes",),
    input_dtype="uint8",
    positions=False,
    quantization=None,
    representative_images=None,
    min_agreement=0.9,
    overwrite=False,
):
    """Writes a model as a file for LiteRT, which was TensorFlow Lite, for devices.

    Images go in raw, as "images" `(batch, height, width, 3)` in 0..255, and through all
    that the model does with them; the head for training only is left out. The file is
    run in LiteRT and compared with the model before it takes its place.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation".
            One in mixed precision is written in float32, with the same weights.
        path: of the file, which ends in `.tflite`.
        size: pair (height, width) of the images. None: the model's own, which then has
            to be fixed. LiteRT's converter refuses sizes known only at run time.
        batch_size: int, the number of images.
        outputs: sequence of what the file gives: "classes" `(batch, height, width)`,
            uint8 or int32 above 256 classes; "probabilities" and "logits", both float32
            `(batch, height, width, classes)`.
        input_dtype: "uint8" or "float32", of the images.
        positions: bool. For a `HANet(positions=True)`: whether the file has a second
            input, "positions" int32 `(batch, height)`, for windows of larger images.
            Without it each image is taken for a whole one.
        quantization: None; "float16", for weights of half the size; or "int8", for
            weights of a quarter and integer arithmetic, which needs
            `representative_images`.
        representative_images: iterable of arrays `(height, width, channels)` in 0..255
            and of `size`, such as a hundred training images: the ranges of what layers
            give are taken from them.
        min_agreement: float. With "int8": the share of the pixels of the representative
            images that have to keep the class that the model gives them.
        overwrite: bool. Whether to replace what is at `path`.

    Returns:
        `pathlib.Path` of the file.

    Raises:
        FileExistsError: If there is something at `path` and `overwrite` is False.
        ImportError: If ai-edge-litert is not installed: `pip install
            keras-seg[litert]`.
        TypeError: If `outputs` is a str, or the model is not functional.
        ValueError: If an argument does not fit the model or the others, or if the model
            has no logits of images.
        RuntimeError: If Keras does not run on TensorFlow, or if LiteRT gives other
            results than the model: logits by more than 1e-4 of the largest, or 2e-2
            with "float16", or other classes; with "int8", fewer equal classes than
            `min_agreement`. Nothing is written then.

    Example:

    ```python
    path = export_litert(model, "spnet.tflite", (360, 480), quantization="float16")
    run = ai_edge_litert.interpreter.Interpreter(str(path)).get_signature_runner()
    classes = run(images=images)["classes"]
    ```
    """
    require_tensorflow("export_litert")
    interpreter = _interpreter_class()
    path = require_new_file(path, ".tflite", overwrite)
    graph = PortableGraph(model, size, batch_size, outputs, input_dtype, positions)
    shape = tuple(graph.signature[0].shape)
    if None in shape:
        raise ValueError(
            "LiteRT needs the shape of the images. Received: "
            f"{size=}, {batch_size=} for a model of any size"
        )
    images = _representative(quantization, representative_images, shape)
    content = _convert(graph, quantization, images)

    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its final place, because only within a file system a move is atomic.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        written = pathlib.Path(folder) / path.name
        written.write_bytes(content)
        loaded = interpreter(str(written))
        runner = loaded.get_signature_runner()

        def run(inputs):
            answer = runner(**inputs)
            return {name: answer[name] for name in outputs}

        if quantization == "int8":
            _require_agreement(graph, run, images, min_agreement)
        else:
            graph.require_agreement(run, _TOLERANCE[quantization])
        os.replace(written, path)
    return path


def _convert(graph, quantization, images):
    """The file's content."""
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
    """The representative images as one array, a multiple of the batch size."""
    if quantization not in (None, "float16", "int8"):
        raise ValueError(
            '`quantization` must be None, "float16" or "int8". '
            f"Received: {quantization!r}"
        )
    if (quantization == "int8") != (images is not None):
        raise ValueError(
            '`representative_images` are for "int8", which needs them. '
            f"Received: {quantization=} and representative_images "
            + ("None" if images is None else "of some number")
        )
    if images is None:
        return None
    batch_size, *image_shape = shape
    images = [np.asarray(image) for image in images]
    for image in images:
        if image.shape != tuple(image_shape):
            raise ValueError(
                f"`representative_images` must be of the shape {tuple(image_shape)}. "
                f"Received an image of {image.shape}"
            )
    usable = len(images) - len(images) % batch_size
    if not usable:
        raise ValueError(
            f"`representative_images` must be {batch_size} or more. Received: "
            f"{len(images)}"
        )
    return np.stack(images[:usable])


def _batches(graph, images):
    """Inputs of the representative images, which are whole ones."""
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
                _classes(run(inputs)), expected_logits(graph.serving, **inputs)
            )
            for inputs in _batches(graph, images)
        ]
    )
    if not share >= min_agreement:
        raise RuntimeError(
            f"Of the pixels of the representative images {share:.1%} keep their class "
            f"in int8, where {min_agreement:.1%} must, and nothing was written. More "
            'images may help, or quantization="float16"; or lower `min_agreement`.'
        )


def _classes(answer):
    """Of the first output, whichever it is."""
    name, values = next(iter(answer.items()))
    if name == "classes":
        return values
    logits = values if name == "logits" or values.shape[-1] > 1 else values - 0.5
    return class_map(tf.constant(logits)).numpy()


def _interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(
            f"`export_litert` needs {error.name}: pip install keras-seg[litert]"
        ) from error
    return Interpreter
