"""The context modules of four CVPR 2020 segmentation papers as Keras layers."""

import importlib

import keras

if keras.__version__.startswith("2."):
    from keras_seg import _keras2  # noqa: F401  # first: it gives Keras 2 what follows

from keras_seg import backbones, checkpoints, layers, losses, metrics, models, ops
from keras_seg.ops.xla import set_xla, xla_scope

__all__ = [
    "backbones",
    "checkpoints",
    "data",
    "export",
    "inference",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "scripts",
    "set_xla",
    "training",
    "visualization",
    "xla_scope",
]

__version__ = "0.1.0"

# These need TensorFlow on every backend, or much time to import, so they are imported
# when they are first used.
_ON_USE = ("data", "export", "inference", "scripts", "training", "visualization")


def __getattr__(name):
    if name in _ON_USE:
        return importlib.import_module(f"keras_seg.{name}")
    raise AttributeError(f"module 'keras_seg' has no attribute {name!r}")
