"""Trained models for serving and for other runtimes."""

from keras_seg.export.litert import export_litert
from keras_seg.export.onnx import export_onnx
from keras_seg.export.saved_model import export_saved_model

__all__ = ["export_litert", "export_onnx", "export_saved_model"]
