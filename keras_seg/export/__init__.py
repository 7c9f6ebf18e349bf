"""Export of trained models to TensorFlow Serving, ONNX and LiteRT.

The export functions import TensorFlow, which the serving client does not need; so they
are imported on first use.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_seg.export.litert import export_litert
    from keras_seg.export.onnx import export_onnx
    from keras_seg.export.saved_model import export_saved_model

_HOMES = {
    "export_litert": "litert",
    "export_onnx": "onnx",
    "export_saved_model": "saved_model",
}

__all__ = ["export_litert", "export_onnx", "export_saved_model"]


def __getattr__(name):
    if name in _HOMES:
        module = importlib.import_module(f"keras_seg.export.{_HOMES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module 'keras_seg.export' has no attribute {name!r}")
