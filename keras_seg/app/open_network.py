import pathlib

import keras
import numpy as np

from keras_seg import models
from keras_seg.app.exported import onnx_network, saved_model_network
from keras_seg.app.network import Network
from keras_seg.data import class_table
from keras_seg.inference import predictor
from keras_seg.models import inference_model

_KINDS = "a .keras file, an exported SavedModel's folder or an .onnx file"


def open_network(source, classes=None, name=None):
    """Opens a trained model of any form for the page.

    Args:
        source: path of a `.keras` file, of the folder of an exported SavedModel, or of
            an `.onnx` file; or the name of a preset.
        classes: a name of `keras_seg.data.CLASS_TABLES`, or the path of a text file
            with a class a line; None for the names that a preset or an exported
            SavedModel brings, and numbers for other models.
        name: str, under which the page offers it; None for one from `source`.

    Returns:
        `Network`.

    Raises:
        FileNotFoundError: If there is no such file or folder, and no such preset.
        ImportError: If an `.onnx` file is given and onnxruntime is not installed.
        ValueError: If the file is of another kind, damaged, or has no logits of images,
            or if `classes` does not fit the model.

    Example: `open_network("runs/spnet/best.keras", classes="camvid")`
    """
    path = pathlib.Path(source)
    table = (None, None) if classes is None else class_table(classes)
    if not path.exists():
        return _preset(str(source), table, name)
    name = name or _name(path)
    if path.is_dir():
        return saved_model_network(path, table, name)
    if path.suffix == ".onnx":
        return onnx_network(path, table, name)
    if path.suffix != ".keras":
        raise ValueError(f"A model must be {_KINDS}. Received: {path.name}")
    try:
        model = keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"Cannot load the model {path.name}: {error}") from error
    return keras_network(model, *table, name=name)


def keras_network(model, class_names=None, palette=None, name=None):
    """A `Network` of a `keras.Model`, which is asked as `predict` asks it.

    Args:
        model: functional `keras.Model` from images in 0..255 to logits, or to a dict of
            outputs; see `predictor`.
        class_names, palette, name: of `Network`; by default the model's name.
    """
    num_classes = inference_model(model).output_shape[-1]
    predictors = {}

    def predict(image, **options):
        key = tuple(sorted(options.items()))
        if key not in predictors:
            predictors.clear()  # of other options: each holds a graph
            predictors[key] = predictor(model, **options)
        return predictors[key](image)

    name = name or model.name
    return Network(name, predict, num_classes, class_names, palette, model)


def _preset(source, table, name):
    presets = models.presets()
    if source not in presets:
        raise FileNotFoundError(
            f"A model must be {_KINDS}, or one of the presets "
            f"{', '.join(presets) or '(there are none)'}. "
            f"Received: {source!r}, which does not exist"
        )
    if table[0] is None:
        preset = presets[source]
        table = preset.class_names, np.array(preset.palette, "uint8")
    return keras_network(models.from_preset(source), *table, name=name or source)


def _name(path):
    """The file's name with its folder's, since most files are called best.keras."""
    path = path.resolve()
    return f"{path.parent.name}/{path.name}"
