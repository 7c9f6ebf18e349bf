import os
import pathlib
import tempfile

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
from keras_seg.inference.segmentation_network import segmentation_network
from keras_seg.ops.sizes import require_size
from keras_seg.ops.xla import require_tensorflow, xla_scope

# Of logits, as shares of the largest. A network in half precision rounds otherwise
# within a graph.
_TOLERANCE = {"float32": 1e-4, "float64": 1e-4}
_TOLERANCE_OF_HALF = 2e-2


def export_saved_model(
    model,
    path,
    overwrite=False,
    positions=False,
    class_names=None,
    palette=None,
    encoded_size=None,
    buckets=None,
    batching=False,
    max_pixels=4096 * 4096,
    version=None,
):
    """Writes a model as a SavedModel for TF Serving.

    Images come in as they are, RGB of any number, height and width, and go through all
    that the model does with them; the head for training only is left out. Signatures,
    each with the one input "images":

    - "serving_default" takes uint8 `(batch, height, width, 3)` and gives "classes"
      `(batch, height, width)`: uint8, or int32 above 256 classes. A mask is what most
      clients want, and it is 4 * classes times smaller than
    - "probabilities", which takes the same and gives "probabilities" float32 `(batch,
      height, width, classes)`.
    - "float" takes float32 in 0..255 and gives "classes".
    - "encoded" takes strings `(batch,)`, the bytes of JPEG or PNG files, and gives
      "classes", so that a request is kilobytes and not megabytes. A single image keeps
      its size; several are brought to `encoded_size`. Models of three channels only.

    A request that is no image, or too large a one, is answered with INVALID_ARGUMENT;
    the size in a file's header is checked before the file is decoded.

    The graph has operations of TensorFlow alone, and none that asks for XLA, which
    TF Serving on a CPU refuses: grouped convolutions, which Keras compiles by XLA, are
    replaced by depthwise ones, or by one for each group. What was written is loaded
    again and compared with the model. The folder appears at once and whole: a server
    that watches its parent never sees half a model.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` from raw
            images in 0..255 to logits, or to a dict of them with "segmentation". Its
            input's channels are the served images'; its size too where it is fixed, and
            files of any size are brought to that.
        path: the version folder itself, in TF Serving's layout
            `saved_models/<name>/<version>`, where the version is a number; or, with
            `version`, the folder of the model, `saved_models/<name>`.
        overwrite: bool. Whether to replace what is at `path`.
        positions: bool. For a `HANet(positions=True)`: whether the signatures but
            "encoded" have a second input, "positions" int32 `(batch, height)`, for
            clients that send windows of larger images. Without it each image is taken
            for a whole one.
        class_names: list of str, one for each class, for `assets/labels.txt`.
        palette: integers `(classes, 3)`, RGB in 0..255, for `assets/palette.txt`.
        encoded_size: pair (height, width) that several files in a request are brought
            to. None: files of different sizes in one request are an error.
        buckets: list of pairs (height, width). Images are padded to the smallest that
            they fit in, and the answer is cropped, so that a server allocates for these
            sizes alone; larger images are an error. Padding changes predictions a
            little. None: images are taken as they are.
        batching: bool. Whether servers may merge requests into batches. TF Serving does
            that with images of one size only; so a single file is brought to
            `encoded_size` as well, and the folder says in `batching_params.pbtxt` that
            its requests may be merged.
        max_pixels: int. The pixels that an image, and all images of a request together,
            may have.
        version: int, 0 or more, of which a folder is made in `path`; or None.

    Returns:
        `pathlib.Path` of the folder.

    Raises:
        FileExistsError: If there is something at `path` and `overwrite` is False.
        TypeError: If the model is not a functional `keras.Model`.
        ValueError: If the version is no number, if the model has no logits of images,
            if it has no positions where they are asked for, if its graph has what TF
            Serving refuses, or if an argument does not fit the model.
        RuntimeError: If Keras does not run on TensorFlow, or if what was written gives
            other results than the model; nothing is left at `path` then.

    Warns:
        UserWarning: If tensorflow-serving-api is not there to write warm-up requests.

    Example:

    ```python
    path = export_saved_model(model, "saved_models/spnet/1", class_names=names)
    served = tf.saved_model.load(path).signatures
    classes = served["serving_default"](images=images)["classes"]
    file = tf.constant([pathlib.Path("street.jpg").read_bytes()])
    classes = served["encoded"](images=file)["classes"]
    ```
    """
    require_tensorflow("export_saved_model")
    path = _version_folder(pathlib.Path(path), version)
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"There is something at `path` already: {path}. Choose another version, "
            "or pass overwrite=True."
        )
    # Rows of padding have a position of their own, which says that they are no image.
    has_positions = any(tensor.name == "positions" for tensor in model.inputs)
    padded = buckets is not None and has_positions
    network = segmentation_network(model, positions or padded)
    fixed_size = _fixed_size(network)
    encoded_size = _encoded_size(encoded_size, fixed_size, batching)
    buckets = _buckets(buckets, fixed_size)
    if not isinstance(max_pixels, int) or max_pixels < 1:
        raise ValueError(f"`max_pixels` must be a positive int. Received: {max_pixels}")

    serving = GuardedFunction(network, buckets, max_pixels)
    always = batching or fixed_size is not None
    functions = signatures(serving, positions, encoded_size, always)
    size = fixed_size or encoded_size
    sizes = buckets or ([size] if size else _trial_sizes(max_pixels))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Beside its final place, because only within a file system a move is atomic.
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        folder = pathlib.Path(folder)
        written = folder / "model"
        num_classes = max(network.output_shape[-1], 2)  # a single logit tells two
        assets = class_files(folder, num_classes, class_names, palette)
        with xla_scope(False), without_xla(network):
            _write(functions, assets, written)
        graph_check(written)
        _compare(written, serving, sizes[:2], positions)
        # For any size, one will do.
        warm_up = buckets or [sizes[0]]
        write_warmup_requests(written, path.absolute().parent.name, functions, warm_up)
        if batching:
            write_batching_parameters(written)
        if path.exists():
            os.replace(path, folder / "replaced")
        os.replace(written, path)
    return path


def _version_folder(path, version):
    if version is not None:
        if not isinstance(version, int) or isinstance(version, bool) or version < 0:
            raise ValueError(
                f"`version` must be an integer, 0 or more, or None. Received: {version}"
            )
        return path / str(version)
    if not (path.name.isascii() and path.name.isdecimal()):
        raise ValueError(
            "`path` must end in the folder of the version, a number, which is all that "
            f"TF Serving reads, such as {path}/1: pass version=1 for that. "
            f"Received: {path}"
        )
    return path


def _compare(path, serving, sizes, sends_positions):
    """Fails unless all signatures give what the model in memory gives."""
    served = tf.saved_model.load(str(path)).signatures
    channels = serving.network.inputs[0].shape[-1]
    tolerance = _TOLERANCE.get(serving.network.compute_dtype, _TOLERANCE_OF_HALF)
    images = [image for size in sizes for image in trial_images(2, size, channels)]
    for image in images:
        inputs = {"images": image[None]}
        if sends_positions:
            inputs["positions"] = trial_positions(image[None])
        logits = expected_logits(serving, **inputs)
        for name in ("probabilities", "serving_default", "float"):
            dtype = served[name].structured_input_signature[1]["images"].dtype
            sent = {key: tf.constant(value) for key, value in inputs.items()}
            sent["images"] = tf.cast(image[None], dtype)
            _require_agreement(served[name](**sent), logits, tolerance, name)
        if "encoded" in served:
            logits = expected_logits(serving, image[None])
            answer = served["encoded"](images=tf.io.encode_png(image)[None])
            _require_agreement(answer, logits, tolerance, "encoded")


def _require_agreement(answer, logits, tolerance, name):
    answer = {output: values.numpy() for output, values in answer.items()}
    place = f'of the signature "{name}"'
    require_agreement(answer, logits, tolerance, "The SavedModel", place)


def _write(functions, assets, path):
    """Saves the functions and the variables that they read.

    `keras.export.ExportArchive` lists Keras's variables beside TensorFlow's, which they
    hold, and so writes the weights twice.
    """
    concrete = {name: f.get_concrete_function() for name, f in functions.items()}
    module = tf.Module()
    read = [v for function in concrete.values() for v in function.graph.variables]
    module.weights = list({id(v): v for v in read}.values())
    module.class_files = assets
    # Nobody trains what is served, and gradients may need XLA.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    tf.saved_model.save(module, str(path), signatures=concrete, options=options)


def _fixed_size(network):
    size = tuple(network.inputs[0].shape[1:3])
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
            "fixed size: images of different sizes cannot be merged into a batch."
        )
    return size or fixed_size


def _buckets(buckets, fixed_size):
    if buckets is None:
        return None
    if fixed_size is not None:
        raise ValueError(
            "`buckets` must be None for a model of a fixed size. Received: "
            f"{buckets} and a model of {fixed_size}"
        )
    buckets = list(buckets)
    if not buckets:
        raise ValueError("`buckets` must be None or have at least one size.")
    return [require_size("buckets", size) for size in buckets]
