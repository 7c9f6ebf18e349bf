"""What networks that say nothing of themselves are taken for, by conventional names.

They are functional models that users build in Keras alone, and files that were saved
before networks had `NetworkInput`, `NetworkTensor` and `NetworkOutput`.
"""

import keras

from keras_seg.backbones.graph import PROBE
from keras_seg.models.output_info import OutputInfo

_TARGETS = {"super_resolution": "image", "feature_affinity": None}


def inputs(model):
    """`{name: content}` of all inputs; the first is the image."""
    image, *others = (tensor.name for tensor in model.inputs)
    known = {name: name for name in others if name in ("labels", "positions")}
    return {image: "image"} | dict.fromkeys(others) | known


def outputs(model, tensors, stated):
    """`{name: OutputInfo}` of outputs, beside those that are stated.

    Args:
        tensors: dict `{name: symbolic tensor}` of the outputs to tell about.
        stated: dict `{name: OutputInfo}` of the model's others.
    """
    others = tensors.keys() | stated.keys()
    has_prediction = any(not output.training_only for output in stated.values())

    def training_only(name):
        if len(others) == 1:
            return False
        return has_prediction or name in _TARGETS or "segmentation" in others - {name}

    return {
        name: OutputInfo(
            target=_TARGETS.get(name, "labels"),
            training_only=training_only(name),
            scale=1 if training_only(name) else _scale(model, tensor),
        )
        for name, tensor in tensors.items()
    }


def classifiers(model, names):
    """The layers of a model that were named after its outputs."""
    wanted = {f"{name}_classifier" for name in names}
    return [layer for layer in model.layers if layer.name in wanted]


def release(model):
    """The name of the model where it is one of `released_model`."""
    from keras_seg.checkpoints.released_model import RELEASES  # it imports the models

    return model.name if model.name in RELEASES else None


def _scale(model, tensor):
    """How many times larger than the image an output is, rounded down, 1 at least."""

    def fill(x):
        return 1, *(PROBE if size is None else size for size in x.shape[1:])

    probe = keras.Model(model.input, tensor)
    rows = fill(model.inputs[0])[1]
    shape = probe.compute_output_shape(keras.tree.map_structure(fill, model.input))
    return max(shape[1] // rows, 1) if len(shape) == 4 else 1
