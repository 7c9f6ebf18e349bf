"""The context modules of four CVPR 2020 segmentation papers as Keras layers."""

import importlib
import pathlib
import sys

_PACKAGES = (
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
    "training",
    "visualization",
)
_XLA = ("set_xla", "xla_scope")  # from keras_seg.ops.xla

__all__ = [*_PACKAGES, *_XLA]

__version__ = "0.1.0"


def _register():
    """Imports Keras and registers the classes that saved models consist of."""
    import keras

    if keras.__version__.startswith("2."):
        # First, because it adds to Keras 2 what the other modules need.
        importlib.import_module("keras_seg._keras2")
    packages = ["backbones", "layers", "losses", "metrics", "models", "ops"]
    packages.append("models.logits_of_probabilities")  # a layer that models hold
    if keras.backend.backend() == "tensorflow":  # these import it
        packages += ["training", "wrappers.windows", "wrappers.views"]
    for name in packages:
        importlib.import_module(f"keras_seg.{name}")


def _is_command():
    """Returns whether this process is `keras-seg` or `python -m keras_seg`.

    The command reads its arguments before it imports Keras, which takes seconds.
    """
    program = getattr(sys, "argv", [""])[0]
    if program == "-m":  # while Python searches for the module
        return sys.orig_argv[-len(sys.argv)] == "keras_seg"
    return pathlib.PurePath(program).stem == "keras-seg"


if not _is_command():
    _register()


def __getattr__(name):
    # Packages that need TensorFlow on every backend are imported on first use.
    if name in _PACKAGES:
        return importlib.import_module(f"keras_seg.{name}")
    if name in _XLA:
        return getattr(importlib.import_module("keras_seg.ops.xla"), name)
    raise AttributeError(f"module 'keras_seg' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
