"""Conversion of weights between the papers' PyTorch releases and this package."""

from keras_seg.checkpoints.convert import convert
from keras_seg.checkpoints.load_torch_weights import load_torch_weights
from keras_seg.checkpoints.released_model import released_model
from keras_seg.checkpoints.to_torch_state_dict import to_torch_state_dict
from keras_seg.checkpoints.torch_file import read_torch_file
from keras_seg.checkpoints.torch_layers import from_pixel_shuffle

__all__ = [
    "convert",
    "from_pixel_shuffle",
    "load_torch_weights",
    "read_torch_file",
    "released_model",
    "to_torch_state_dict",
]
