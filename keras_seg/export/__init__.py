"""Trained models for serving and for other runtimes.

What writes models imports TensorFlow; the client for a server does not need it, so it
is not imported before it is used.
"""

import importlib

_HOMES = {
    "export_litert": "litert",
    "export_onnx": "onnx",
    "export_saved_model": "saved_model",
}

__all__ = [*_HOMES]


def __getattr__(name):
    if name in _HOMES:
        module = importlib.import_module(f"keras_seg.export.{_HOMES[name]}")
        return getattr(module, name)
    raise AttributeError(f"module 'keras_seg.export' has no attribute {name!r}")
