"""Weights from the papers' PyTorch releases into these layers."""

from keras_seg.checkpoints.load_torch_weights import load_torch_weights
from keras_seg.checkpoints.torch_layers import from_pixel_shuffle

__all__ = ["from_pixel_shuffle", "load_torch_weights"]
