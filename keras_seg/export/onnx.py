import pathlib
from collections.abc import Sequence

import keras
import numpy as np

from keras_seg.export.comparison import WrongShapeError
from keras_seg.export.new_file import require_new_file
from keras_seg.export.portable_graph import PortableGraph
from keras_seg.export.without_messages import without_messages
from keras_seg.ops.convolution import plain_convolutions
from keras_seg.ops.xla import require_tensorflow, xla_scope
from keras_seg.positive_integer import require_positive_integer
from keras_seg.storage.paths import put, temporary_folder_for
from keras_seg.typing import PathLike

_ATTEMPTS = 5  # of a conversion


def export_onnx(
    model: keras.Model,
    path: PathLike,
    size: Sequence[int] | None = None,
    batch_size: int | None = None,
    outputs: Sequence[str] = ("classes",),
    input_dtype: str = "uint8",
    positions: bool = False,
    opset: int = 18,
    overwrite: bool = False,
) -> pathlib.Path:
    """Exports a model as an ONNX file, for ONNX Runtime, OpenVINO and others.

    The input "images" `(batch, height, width, 3)` takes raw images in 0..255; the file
    includes the model's preprocessing. Outputs that only training needs are removed.
    The file is loaded in ONNX Runtime and checked against the model before it is saved.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation".
            A model in mixed precision is written in float32, with the same weights.
        path: str or path of the file, which must end in `.onnx`; also on another file
            system such as gs://.
        size: pair (height, width) of the images. None: the model's fixed input size, or
            dynamic shapes if it has none. A fixed size makes the graph three to ten
            times smaller, and somewhat faster.
        batch_size: int, the number of images, or None for any number.
        outputs: sequence of output names: "classes" `(batch, height, width)`, uint8, or
            int32 for more than 256 classes, or of independent classes masks of 0 and 1,
            uint8 `(batch, height, width, classes)`; "probabilities" and "logits", both
            float32 `(batch, height, width, classes)`.
        input_dtype: "uint8" or "float32". Dtype of the images.
        positions: bool. For a `HANet(positions=True)`: whether the file has a second
            input, "positions", int32 `(batch, height)`, for windows of larger images.
            Without it, each image is treated as a whole image.
        opset: int. Version of the ONNX operator set.
        overwrite: bool. Whether to replace an existing file.

    Returns:
        Path of the file.

    Raises:
        FileExistsError: If `path` exists and `overwrite` is False.
        ImportError: If tf2onnx or onnxruntime is not installed: `pip install
            keras-seg[onnx]`.
        TypeError: If `outputs` is a str, or if the model is not functional.
        ValueError: If an argument does not match the model, or if the model does not
            return logits for images.
        RuntimeError: If Keras does not run on TensorFlow, or if ONNX Runtime cannot
            load the file or its results differ from the model's: logits by more than
            1e-4 of the largest, or classes other than ties. Nothing is written then.

    Example:
        ```python
        import onnxruntime

        path = export_onnx(model, "spnet.onnx", size=(64, 96))
        session = onnxruntime.InferenceSession(path)
        (classes,) = session.run(["classes"], {"images": images})
        ```
    """
    require_tensorflow("export_onnx")
    _packages()  # before anything else, because one may be missing
    target = require_new_file(path, ".onnx", overwrite)
    opset = require_positive_integer("opset", opset)
    graph = PortableGraph(model, size, batch_size, outputs, input_dtype, positions)
    with temporary_folder_for(target) as folder:
        written = folder / target.name
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                _write(written, graph, outputs, opset)
                break
            except WrongShapeError:
                # tf2onnx 1.17 optimizes in no fixed order. Sometimes it loses an
                # operation that removes an axis, and the next conversion is right.
                if attempt == _ATTEMPTS:
                    raise
        put(written, target)
    return target


def _write(path, graph, outputs, opset):
    """Writes a file and compares its results with those of the model."""
    tf2onnx = _packages()
    # With a traceback; the graph is then complete, but not optimized in this way.
    quiet = without_messages("tf2onnx.optimizer", "Failed to apply")
    with xla_scope(False), plain_convolutions(), quiet:
        converted, _ = tf2onnx.convert.from_function(
            graph.function,
            graph.signature,
            opset=opset,
            custom_op_handlers={"Erfc": (_write_erfc, [])},
        )
    path.write_bytes(converted.SerializeToString())
    session = _load(path)

    def run(inputs):
        return dict(zip(outputs, session.run(list(outputs), inputs), strict=True))

    graph.require_agreement(run, tolerance=1e-4)


def _write_erfc(graph, node, name, args):
    """Converts Erfc, used by GELU, to 1 - erf(x); tf2onnx 1.17 does not support it."""
    one = graph.make_const(f"{name}/one", np.float32(1))
    node.type = "Erf"
    erf = node.output[0]
    graph.insert_new_node_on_output("Sub", erf, inputs=[one.output[0], erf])


def _load(path):
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base class
        raise RuntimeError(
            "ONNX Runtime does not load the graph that tf2onnx wrote, and nothing was "
            f"saved: {error}"
        ) from error


def _packages():
    try:
        import onnxruntime  # noqa: F401
        import tf2onnx
    except ImportError as error:
        raise ImportError(
            f"`export_onnx` needs {error.name}: pip install keras-seg[onnx]"
        ) from error
    return tf2onnx
