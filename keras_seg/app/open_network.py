from typing import Any

import keras
import numpy as np

from keras_seg import models
from keras_seg.app.exported import onnx_network, saved_model_network
from keras_seg.app.network import Network
from keras_seg.data import class_table
from keras_seg.inference import predictor
from keras_seg.local_path import local_path
from keras_seg.models import inference_model, network_info
from keras_seg.models.functional_model import functional_model
from keras_seg.typing import PathLike

_KINDS = "a .keras file, an exported SavedModel's folder or an .onnx file"


def open_network(
    source: PathLike, classes: PathLike | None = None, name: str | None = None
) -> Network:
    """Opens a trained model in any format for the page.

    Args:
        source: path of a `.keras` file, of the folder of an exported SavedModel, or of
            an `.onnx` file; or the name of a preset.
        classes: a name of `keras_seg.data.CLASS_TABLES`, or the path of a text file
            with one class per line. None: the names of a preset or in an exported
            SavedModel, and numbers for other models.
        name: str. Name of the network on the page, or None to derive it from `source`.

    Returns:
        `Network`.

    Raises:
        FileNotFoundError: If `source` is neither a file or folder nor a preset.
        ImportError: If an `.onnx` file is given and onnxruntime is not installed.
        ValueError: If the file has another format, is damaged, or does not return
            logits for images, or if `classes` does not match the model.

    Example:
        `open_network("runs/spnet/best.keras", classes="camvid")`
    """
    path = local_path(source)
    table: tuple[Any, Any] = (None, None)
    if classes is not None:
        table = class_table(classes)
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
        model = functional_model(keras.saving.load_model(path, compile=False))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"Cannot load the model {path.name}: {error}") from error
    return keras_network(model, *table, name=name)


def keras_network(model, class_names=None, palette=None, name=None):
    """Returns a `Network` of a `keras.Model`.

    Args:
        model: functional `keras.Model` from images in 0..255 to logits, or to a dict of
            outputs; see `predictor`.
        class_names, palette, name: see `Network`; the default name is the model's.

    Returns:
        `Network`.
    """
    info = network_info(inference_model(model))
    predictors = {}

    def predict(image, **options):
        key = tuple(sorted(options.items()))
        if key not in predictors:
            predictors.clear()  # keeps only one, because each holds a graph
            predictors[key] = predictor(model, **options)
        return predictors[key](image)

    name = name or model.name
    return Network(
        name,
        predict,
        info.num_labels,
        class_names,
        palette,
        model,
        info.independent_classes,
    )


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
    """Returns the names of folder and file, since most files are named best.keras."""
    path = path.resolve()
    return f"{path.parent.name}/{path.name}"
