import numbers
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_seg.export.batching_parameters import write_batching_parameters
from keras_seg.export.class_files import class_files
from keras_seg.export.comparison import (
    TRIAL_SIZES,
    expected_logits,
    require_agreement,
    trial_images,
    trial_positions,
)
from keras_seg.export.graph_check import graph_check
from keras_seg.export.grouped_convolutions import without_xla
from keras_seg.export.guarded_function import GuardedFunction
from keras_seg.export.signatures import signatures
from keras_seg.export.warmup_requests import write_warmup_requests
from keras_seg.export.without_messages import without_messages
from keras_seg.models import network_info
from keras_seg.models.segmentation_network import segmentation_network
from keras_seg.ops.sizes import require_size
from keras_seg.ops.xla import require_tensorflow, xla_scope
from keras_seg.positive_integer import require_positive_integer
from keras_seg.sequence_argument import require_sequence
from keras_seg.storage.paths import as_path, put, remove_folder, temporary_folder_for
from keras_seg.storage.remote_path import RemotePath
from keras_seg.typing import PathLike

# The files of an export, the only folders that `overwrite` replaces.
_WRITTEN = {
    "assets",
    "assets.extra",
    "batching_params.pbtxt",
    "fingerprint.pb",
    "saved_model.pb",
    "variables",
}
# Tolerances of logits, as a share of the largest. A network in half precision rounds
# differently within a graph.
_TOLERANCE = {"float32": 1e-4, "float64": 1e-4}
_TOLERANCE_OF_HALF = 2e-2


def export_saved_model(
    model: keras.Model,
    path: PathLike,
    overwrite: bool = False,
    positions: bool = False,
    class_names: Sequence[str] | None = None,
    palette: Any = None,
    encoded_size: Sequence[int] | None = None,
    buckets: Sequence[Sequence[int]] | None = None,
    batching: bool = False,
    max_pixels: int = 4096 * 4096,
    version: int | None = None,
) -> pathlib.Path:
    """Exports a model as a SavedModel for TF Serving.

    The signatures take raw RGB images of any number and size; the export includes the
    model's preprocessing. Outputs that only training needs are removed. Each signature
    has a single input, "images":

    - "serving_default" takes uint8 `(batch, height, width, 3)` and returns "classes"
      `(batch, height, width)`: uint8, or int32 for more than 256 classes. Class maps
      suffice for most clients, and uint8 ones are 4 * classes times smaller than
      probabilities. "classes" of a model of independent classes are masks of 0 and 1,
      uint8 `(batch, height, width, classes)`, in all signatures.
    - "probabilities" takes the same and returns "probabilities", float32 `(batch,
      height, width, classes)`.
    - "float" takes float32 in 0..255 and returns "classes".
    - "encoded" takes strings `(batch,)`, the bytes of JPEG or PNG files, and returns
      "classes", so that a request has kilobytes instead of megabytes. A single image
      keeps its size; several are resized to `encoded_size`. Only for models with three
      input channels.

    Requests with invalid or too large images get the status INVALID_ARGUMENT; the size
    in a file's header is checked before the file is decoded.

    The graph contains only operations of TensorFlow itself, and none that require XLA,
    which TF Serving on a CPU rejects: grouped convolutions, which Keras compiles with
    XLA, are replaced by depthwise convolutions or by one convolution per group. The
    export is loaded and checked against the model before it is moved to its place in
    one step, so that a server that watches the parent folder never sees half a model.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation". Served
            images have the channels of its input, and its size if that is fixed; files
            of any size are resized to a fixed size.
        path: str or path of the version folder in TF Serving's layout,
            `saved_models/<name>/<version>`, where the version is a number; or, with
            `version`, of the model's folder, `saved_models/<name>`. It may be on
            another file system such as gs://, where `saved_model.pb` is written last.
        overwrite: bool. Whether to replace an existing export.
        positions: bool. For a `HANet(positions=True)`: whether all signatures except
            "encoded" have a second input, "positions", int32 `(batch, height)`, for
            clients that send windows of larger images. Without it, each image is
            treated as a whole image.
        class_names: list of str, one for each class, written to `assets/labels.txt`.
        palette: integers `(classes, 3)`, RGB in 0..255, written to
            `assets/palette.txt`.
        encoded_size: pair (height, width) to which several files in a request are
            resized. None: files of different sizes in one request are an error.
        buckets: list of pairs (height, width). Images are padded to the smallest that
            they fit in, and the result is cropped, so that a server allocates memory
            for these sizes only; larger images are an error. Padding changes
            predictions slightly. None: images are not padded.
        batching: bool. Whether the server may merge requests into batches. TF Serving
            only merges images of one size, so a single file is resized to
            `encoded_size` too. The parameters are written to `batching_params.pbtxt`.
        max_pixels: int. The largest number of pixels of an image, and of all images of
            a request together.
        version: int, 0 or more, the name of the folder to create in `path`; or None.

    Returns:
        Path of the version folder.

    Raises:
        FileExistsError: If the version folder exists and `overwrite` is False, or if it
            holds anything else than an export.
        TypeError: If the model is not a functional `keras.Model`.
        ValueError: If the version is not a number, if the model does not return logits
            for images, if `positions` is True for a model without positions, if the
            graph has operations that TF Serving rejects, or if an argument does not
            match the model.
        RuntimeError: If Keras does not run on TensorFlow, or if the results of the
            export differ from the model's. Nothing is written then.

    Warns:
        UserWarning: If tensorflow-serving-api is not installed; the export then has no
            warm-up requests.

    Example:
        ```python
        path = export_saved_model(model, "saved_models/spnet/1")
        served = tf.saved_model.load(path).signatures
        classes = served["serving_default"](images=tf.constant(images))["classes"]
        file = tf.io.read_file("street.jpg")[None]
        classes = served["encoded"](images=file)["classes"]
        ```
    """
    require_tensorflow("export_saved_model")
    target = _version_folder(as_path(path), version)
    if target.exists() and not overwrite:
        raise FileExistsError(
            f"`path` must not exist. Received: {target}, which does. Choose another "
            "version, or pass overwrite=True."
        )
    require_export(target)
    # Padding rows have a special position, which tells them from rows of the image.
    needed = buckets is not None and _takes_positions(model)
    network = segmentation_network(model, positions or needed)
    fixed_size = _fixed_size(network)
    encoded_size = _encoded_size(encoded_size, fixed_size, batching)
    buckets = _buckets(buckets, fixed_size)
    max_pixels = require_positive_integer("max_pixels", max_pixels)
    for height, width in [*(buckets or ()), *([encoded_size] if encoded_size else ())]:
        if height * width > max_pixels:
            raise ValueError(
                f"`max_pixels` must be at least {height * width}, the pixels of an "
                f"image of {height} x {width}. Received: {max_pixels}"
            )

    serving = GuardedFunction(network, buckets, max_pixels)
    always = batching or fixed_size is not None
    functions = signatures(serving, positions, encoded_size, always)
    size = fixed_size or encoded_size
    sizes = buckets or ([size] if size else _trial_sizes(max_pixels))
    with temporary_folder_for(target) as folder:
        written = folder / "model"
        num_labels = network_info(network).num_labels
        assets = class_files(folder, num_labels, class_names, palette)
        with xla_scope(False), without_xla(network):
            _write(functions, assets, written)
        graph_check(written)
        files = encoded_size if always else None
        _compare(written, serving, sizes[:2], positions, files)
        # For dynamic shapes, one size suffices.
        warm_up = buckets or [sizes[0]]
        write_warmup_requests(
            written, target.absolute().parent.name, functions, warm_up
        )
        if batching:
            # Raw images are padded to a bucket, which may be the larger size.
            merged = [encoded_size, *(buckets or ())]
            pixels = max(height * width for height, width in merged)
            write_batching_parameters(written, min(8, max_pixels // pixels))
        if isinstance(target, RemotePath):
            remove_folder(target)
        elif target.exists():
            os.replace(target, folder / "replaced")
        put(written, target)
    return target


def require_export(path):
    """Raises a `FileExistsError` if a folder holds anything else than an export."""
    if not path.exists():
        return
    found = {x.name for x in path.iterdir()} if path.is_dir() else {path.name}
    # An interrupted export to another file system may lack any of these.
    if others := sorted(found - _WRITTEN):
        raise FileExistsError(
            f"{path} holds something else than an export, {others[0]!r}, and is not "
            "replaced. Choose another folder"
        )


def _takes_positions(model):
    inputs = getattr(model, "inputs", None)  # None if the model is not functional
    return bool(inputs) and "positions" in network_info(model).inputs.values()


def _version_folder(path, version):
    if version is not None:
        is_integer = isinstance(version, numbers.Integral)
        if not is_integer or isinstance(version, bool) or version < 0:
            raise ValueError(
                f"`version` must be an integer, 0 or more, or None. Received: {version}"
            )
        return path / str(version)
    if not (path.name.isascii() and path.name.isdecimal()):
        raise ValueError(
            "`path` must end in a version number, because TF Serving only reads "
            f"version folders such as {path}/1: pass version=1 for that. "
            f"Received: {path}"
        )
    return path


def _compare(path, serving, sizes, sends_positions, files):
    """Raises an error unless the results of all signatures match the model's.

    Args:
        files: pair (height, width) to which all files are resized, or None.
    """
    if files is not None and files not in sizes:
        sizes = [*sizes, files]
    # Serving needs no gradients, which are not saved.
    with without_messages("absl", "Importing a function"):
        served = tf.saved_model.load(str(path)).signatures
    channels = serving.network.inputs[0].shape[-1]
    tolerance = _TOLERANCE.get(serving.network.compute_dtype, _TOLERANCE_OF_HALF)
    images = [image for size in sizes for image in trial_images(2, size, channels)]
    independent = serving.independent_classes
    for image in images:
        inputs = {"images": image[None]}
        if sends_positions:
            inputs["positions"] = trial_positions(image[None])
        logits = expected_logits(serving, **inputs)
        for name in ("probabilities", "serving_default", "float"):
            dtype = served[name].structured_input_signature[1]["images"].dtype
            sent = {key: tf.constant(value) for key, value in inputs.items()}
            sent["images"] = tf.cast(image[None], dtype)
            answer = served[name](**sent)
            _require_agreement(answer, logits, tolerance, name, independent)
        if "encoded" in served and files in (None, image.shape[:2]):
            if sends_positions:  # which encoded images cannot
                logits = expected_logits(serving, image[None])
            answer = served["encoded"](images=tf.io.encode_png(image)[None])
            _require_agreement(answer, logits, tolerance, "encoded", independent)


def _require_agreement(answer, logits, tolerance, name, independent_classes):
    answer = {output: values.numpy() for output, values in answer.items()}
    place = f'of the signature "{name}"'
    require_agreement(
        answer, logits, tolerance, "The SavedModel", place, independent_classes
    )


def _write(functions, assets, path):
    """Saves the functions and the variables that they read.

    `keras.export.ExportArchive` would list both Keras's variables and the TensorFlow
    variables in them, and so write the weights twice.
    """
    concrete = {name: f.get_concrete_function() for name, f in functions.items()}
    module = tf.Module()
    read = [v for function in concrete.values() for v in function.graph.variables]
    module.weights = list({id(v): v for v in read}.values())
    module.class_files = assets
    # Serving needs no gradients, and they may require XLA.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(path), signatures=concrete, options=options)


def _fixed_size(network):
    size = tuple(network.inputs[0].shape[1:3])
    if (size[0] is None) != (size[1] is None):
        raise ValueError(
            "The model must have a fixed height and width, or neither. Received: "
            f"{network.name!r} for images of {size}"
        )
    return None if None in size else size


def _trial_sizes(max_pixels):
    side = int(max_pixels**0.5)
    return [tuple(min(n, side) for n in size) for size in TRIAL_SIZES]


def _encoded_size(size, fixed_size, batching):
    if size is not None:
        size = require_size("encoded_size", size)
    if fixed_size is not None and size not in (None, fixed_size):
        raise ValueError(
            f"`encoded_size` must be None or {fixed_size}, the only size that the "
            f"model takes. Received: {size}"
        )
    if batching and size is None and fixed_size is None:
        raise ValueError(
            "`encoded_size` must be given with batching=True, unless the model has a "
            "fixed input size: images of different sizes cannot be merged into a batch."
        )
    return size or fixed_size


def _buckets(buckets, fixed_size):
    if buckets is None:
        return None
    if fixed_size is not None:
        raise ValueError(
            "`buckets` must be None for a model of a fixed size. Received: "
            f"{buckets} and a model with the input size {fixed_size}"
        )
    buckets = require_sequence("buckets", buckets, "pairs (height, width)")
    if not buckets:
        raise ValueError("`buckets` must be None or have at least one size.")
    return [require_size("buckets", size) for size in buckets]
