import os
import pathlib
import shutil
import tempfile
import warnings

import keras
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_seg.models import inference_model
from keras_seg.ops.xla import require_tensorflow, xla_scope


def export_saved_model(model, path, overwrite=False, positions=False):
    """Writes a model as a SavedModel for TF Serving.

    Images come in as uint8 RGB of any number, height and width; the head for training
    only is left out, and no function in the graph asks for XLA, which TF Serving on a
    CPU refuses. Signatures, each with the one input "images" uint8 `(batch, height,
    width, 3)`:

    - "serving_default" gives "classes" `(batch, height, width)`: uint8, or int32 above
      256 classes. A mask is what most clients want, and it is 4 * classes times smaller
      than
    - "probabilities", which gives "probabilities" float32 `(batch, height, width,
      classes)`.

    The folder appears at once and whole: a server that watches its parent never sees
    half a model.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation". Its
            input's channels are the served images'; its size too where it is fixed.
        path: the version folder itself, in TF Serving's layout
            `saved_models/<name>/<version>`.
        overwrite: bool. Whether to replace what is at `path`.
        positions: bool. For a `HANet(positions=True)`: whether both signatures have a
            second input, "positions" int32 `(batch, height)`, for clients that send
            windows of larger images. Without it each image is taken for a whole one.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        FileExistsError: If there is something at `path` and `overwrite` is False.
        ValueError: If the model has no logits of images, if it has no positions where
            they are asked for, or if its graph asks for XLA.
        RuntimeError: If Keras does not run on TensorFlow.

    Warns:
        UserWarning: If the folder's name is no integer: TF Serving ignores such.

    Example:

    ```python
    path = export_saved_model(model, "saved_models/spnet/1")
    predict = tf.saved_model.load(path).signatures["serving_default"]
    classes = predict(images=images)["classes"]
    ```
    """
    require_tensorflow("export_saved_model")
    path = pathlib.Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"There is something at `path` already: {path}. Choose another version, "
            "or pass overwrite=True."
        )
    if not path.name.isdecimal():
        warnings.warn(
            "TF Serving reads version folders, whose names are integers, such as "
            f"saved_models/<name>/1. Received: {path}",
            stacklevel=2,
        )
    network = inference_model(model, positions)
    _check(network)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its final place, because only within a file system a move is atomic.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        written = pathlib.Path(folder) / "model"
        with xla_scope(False):
            _write(network, written)
        _check_graph(written)
        if path.exists():
            shutil.rmtree(path)
        os.replace(written, path)
    return path


def _write(network, path):
    dtype = "uint8" if network.output_shape[-1] <= 256 else "int32"

    def predict(images, *positions):
        images = tf.cast(images, "float32")
        return network([images, *positions] if positions else images, training=False)

    def classes(*inputs):
        logits = predict(*inputs)
        return {"classes": tf.cast(tf.argmax(logits, axis=-1), dtype)}

    def probabilities(*inputs):
        logits = predict(*inputs)
        return {"probabilities": tf.nn.softmax(tf.cast(logits, "float32"))}

    image, *positions = network.inputs
    signature = [tf.TensorSpec(image.shape, "uint8", name="images")]
    signature += [tf.TensorSpec(t.shape, t.dtype, name=t.name) for t in positions]
    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint("serving_default", classes, input_signature=signature)
    archive.add_endpoint("probabilities", probabilities, input_signature=signature)
    # Nobody trains what is served, and gradients may need XLA.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    archive.write_out(path, options=options, verbose=False)


def _check(network):
    shapes = [tuple(t.shape) for t in network.inputs if t.name != "positions"]
    output = network.output
    if (
        len(shapes) != 1
        or len(shapes[0]) != 4
        or not isinstance(output, keras.KerasTensor)
        or len(output.shape) != 4
    ):
        raise ValueError(
            "The model must take images (batch, height, width, channels) and give "
            "logits (batch, height, width, classes). Received: "
            f"{network.name!r} with inputs {shapes} and output {network.output_shape}"
        )


def _check_graph(path):
    """Fails where something asks for XLA, as Keras's grouped convolutions do."""
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((path / "saved_model.pb").read_bytes())
    functions = [
        function
        for meta_graph in saved_model.meta_graphs
        for function in meta_graph.graph_def.library.function
    ]
    found = {f.signature.name for f in functions if f.attr["_XlaMustCompile"].b}
    found |= {n.op for f in functions for n in f.node_def if n.op.startswith("Xla")}
    if found:
        raise ValueError(
            "TF Serving on a CPU refuses functions and operations that are for XLA. "
            "Some layers ask for it by themselves, as grouped convolutions do in "
            f"Keras. Received a model with {', '.join(sorted(found))}"
        )
