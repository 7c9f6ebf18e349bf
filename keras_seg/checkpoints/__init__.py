"""Weights from the papers' PyTorch releases into these layers."""

from keras_seg.checkpoints.load_torch_weights import load_torch_weights

__all__ = ["load_torch_weights"]
