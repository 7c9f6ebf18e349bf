"""Exported SavedModels and ONNX files as networks of the page."""

import numpy as np
from PIL import Image

from keras_seg.app.network import Network
from keras_seg.app.pictures import nearest
from keras_seg.data import low_resolution, read_image

_MOST_CLASSES = 256  # assumed for a file that only returns classes


def saved_model_network(path, table, name):
    """Opens a SavedModel that `export_saved_model` wrote.

    Args:
        path: `pathlib.Path` of the version folder.
        table: pair of class names and palette; both None for those in the folder.
        name: str. Name of the network on the page.

    Returns:
        `Network`.

    Raises:
        ValueError: If the folder has no such SavedModel, or it has other inputs.
    """
    import tensorflow as tf

    try:
        signatures = tf.saved_model.load(str(path)).signatures
        serve = signatures["serving_default"]
        probabilities = signatures["probabilities"].structured_outputs["probabilities"]
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path.name} must be the version folder of a SavedModel that "
            f"`keras-seg export` wrote. {error}"
        ) from error
    inputs = sorted(serve.structured_input_signature[1])
    if inputs != ["images"]:
        raise ValueError(
            'A SavedModel must have the single input "images". Received: '
            f"{path.name} with the inputs {inputs}. Export it without `positions`"
        )
    independent = len(serve.structured_outputs["classes"].shape) == 4
    count = probabilities.shape[-1]
    if count == 1 and not independent:
        count = 2  # predicted by a sigmoid
    _, *size, channels = serve.structured_input_signature[1]["images"].shape
    classes = _Exported(
        lambda images: serve(images=tf.constant(images))["classes"].numpy(),
        size,
        channels,
    )
    names, palette = table if table[0] else _class_files(path / "assets")
    return Network(
        name, classes, count, names, palette, independent_classes=independent
    )


def onnx_network(path, table, name):
    """Opens an ONNX file that `export_onnx` wrote with the output "classes".

    Args:
        path: `pathlib.Path` of the file.
        table: pair of class names and palette; both None for numbers and default
            colors.
        name: str. Name of the network on the page.

    Returns:
        `Network`.

    Raises:
        ImportError: If onnxruntime is not installed.
        ValueError: If the file is damaged or has other inputs or outputs.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "ONNX files need onnxruntime: pip install 'keras-seg[onnx]'"
        ) from error

    try:
        session = onnxruntime.InferenceSession(
            str(path), providers=onnxruntime.get_available_providers()
        )
    except Exception as error:  # its exceptions have no common base class
        raise ValueError(f"Cannot load the model {path.name}: {error}") from error
    inputs = {x.name: x for x in session.get_inputs()}
    outputs = {x.name: x for x in session.get_outputs()}
    if list(inputs) != ["images"] or "classes" not in outputs:
        raise ValueError(
            'An ONNX file must have the single input "images" and the output "classes",'
            f" as `keras-seg export` writes it. Received: {path.name} with inputs "
            f"{[*inputs]} and outputs {[*outputs]}"
        )
    independent = len(outputs["classes"].shape) == 4
    dtype = "float32" if "float" in inputs["images"].type else "uint8"

    def run(images):
        return session.run(["classes"], {"images": images.astype(dtype)})[0]

    names, palette = table
    count = len(names) if names else _MOST_CLASSES
    known = {"logits", "probabilities"} & outputs.keys() or independent or names
    if not known and "uint8" not in outputs["classes"].type:
        raise ValueError(
            f"The number of classes of {path.name} must be known if there are more "
            f"than {_MOST_CLASSES}. Give their names (--classes), or export the file "
            "with the outputs classes and probabilities"
        )
    for output in ("logits", "probabilities", *(["classes"] if independent else [])):
        if output in outputs:
            count = outputs[output].shape[-1]
    if count == 1 and not independent:
        count = 2  # predicted by a sigmoid
    number, *size, channels = inputs["images"].shape
    if number not in (None, 1) and isinstance(number, int):
        raise ValueError(
            "An ONNX file must take a single image. Export it with --batch-size 1. "
            f"Received: {path.name} for batches of {number}"
        )
    size = [x if isinstance(x, int) else None for x in size]
    predict = _Exported(run, size, channels)
    return Network(
        name, predict, count, names, palette, independent_classes=independent
    )


class _Exported:
    """Predicts class maps of images of any size with an exported function.

    Args:
        run: function from uint8 `(1, height, width, 3)` to classes `(1, height, width)`
            or, for a DSRL, `(1, scale * height, scale * width)`; those of independent
            classes have a last axis of classes.
        size: (height, width) of its images; None for a dynamic side.
        channels: int. The channels of its images, into which others are converted.
    """

    def __init__(self, run, size, channels):
        self.run = run
        self.size = tuple(size)
        self.channels = channels
        self.scale = 1

    def __call__(self, image, **options):
        if options:
            raise ValueError(
                "Windows and test-time augmentation need a .keras file; an exported "
                "model sees the whole image once. Turn these options off."
            )
        classes = self._classes(image)
        scale = len(classes) // (self.size[0] or len(image))
        if scale > self.scale:  # a DSRL: the scale is known after the first image
            self.scale = scale
            classes = self._classes(image)
        height, width = image.shape[:2]
        if None not in self.size:
            return nearest(classes, height, width)
        return classes[:height, :width]

    def _classes(self, image):
        """Reduces or resizes an image for the network and returns its classes."""
        if None not in self.size:
            picture = Image.fromarray(image)
            image = np.asarray(picture.resize(self.size[::-1]))
        elif self.scale > 1:
            height, width = image.shape[:2]
            margins = (0, -height % self.scale), (0, -width % self.scale), (0, 0)
            padded = np.pad(image, margins, mode="edge")[None].astype("float32")
            image = np.asarray(low_resolution(padded, self.scale)[0])
            image = image.round().astype("uint8")
        return self.run(read_image(image, self.channels)[None])[0]


def _class_files(folder):
    """Returns the class names and the palette in an export, or None for either."""
    names, palette = folder / "labels.txt", folder / "palette.txt"
    return (
        names.read_text(encoding="utf-8").splitlines() if names.is_file() else None,
        np.loadtxt(palette, dtype="uint8", ndmin=2) if palette.is_file() else None,
    )
