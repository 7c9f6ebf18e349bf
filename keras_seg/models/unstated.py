"""Facts about networks without marker layers, derived from conventional names.

Such networks are functional models built with Keras alone, and files of versions
without `NetworkInput`, `NetworkTensor` and `NetworkOutput`.
"""

from keras_seg.models.map_sizes import map_sizes
from keras_seg.models.output_info import OutputInfo

_TARGETS = {"super_resolution": "image", "feature_affinity": None}


def inputs(model):
    """Returns `{name: content}` of all inputs; the first is the image."""
    image, *others = (tensor.name for tensor in model.inputs)
    known = {name: name for name in others if name in ("labels", "positions")}
    return {image: "image"} | dict.fromkeys(others) | known


def outputs(model, tensors, stated):
    """Returns `{name: OutputInfo}` of the outputs that have no `NetworkOutput`.

    Args:
        model: functional `keras.Model`.
        tensors: dict `{name: symbolic tensor}` of these outputs.
        stated: dict `{name: OutputInfo}` of the other outputs of the model.
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
    """Returns the classifier layers of a model, which are named after its outputs."""
    wanted = {f"{name}_classifier" for name in names}
    return [layer for layer in model.layers if layer.name in wanted]


def release(model):
    """Returns the name of a model if it is a network of `released_model`, or None."""
    from keras_seg.checkpoints.released_model import RELEASES  # it imports the models

    return model.name if model.name in RELEASES else None


def _scale(model, tensor):
    """Returns the integer factor, at least 1, from the image size to an output's."""
    (height, _), sizes = map_sizes(model, {"output": tensor})
    return max(sizes["output"][0] // height, 1) if sizes else 1
