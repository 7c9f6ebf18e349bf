"""What a network is, read from what it says of itself where it was built."""

import dataclasses

import keras

from keras_seg.backbones.graph import nodes
from keras_seg.layers import NetworkInput, NetworkOutput, NetworkTensor
from keras_seg.models import unstated
from keras_seg.models.output_info import OutputInfo


@dataclasses.dataclass(frozen=True)
class NetworkInfo:
    """What `network_info` returns.

    Attributes:
        inputs: dict `{name: content}` in the order of the model's inputs; the content
            is "image", "labels", "positions", or None where nothing is known.
        outputs: dict `{name: OutputInfo}`, what each output is for: its `target`, its
            `scale`, and whether it is `training_only`.
        prediction: str or None. The name of the output that predictions are made of;
            None where a model has several and says of none that it is.
        num_classes: int or None. The channels of that output.
        scale: int. By how much images are reduced for the network, which predicts at
            their full size: 1 but for `DSRL` and its like.
        classifiers: list of the layers whose filters are the classes.
        encoder, decoder: symbolic tensors, the features that the encoder gives to the
            decoder and the last ones before the prediction; None where it is not said.
        release: str or None. The network of `released_model` that it is.
    """

    inputs: dict
    outputs: dict
    prediction: str
    num_classes: int
    scale: int
    classifiers: list
    encoder: keras.KerasTensor
    decoder: keras.KerasTensor
    release: str


def network_info(model):
    """What a network is: its classes, its scale, and what its parts are for.

    Networks say so themselves, by `keras_seg.layers.NetworkInput`, `NetworkTensor` and
    `NetworkOutput` in their graphs, so that it stays with them in saved files, copies,
    and models that take some of their outputs. Of other models, such as those saved
    before these layers were there, it is told by the names of their inputs and outputs:
    "labels" and "positions"; "segmentation", the prediction, and beside it outputs for
    training only, among them "super_resolution" and "feature_affinity".

    Args:
        model: functional `keras.Model` with the image as its first input.

    Returns:
        `NetworkInfo`.

    Example:

    ```python
    info = network_info(DSRL(11, "resnet18"))
    info.num_classes, info.scale  # (11, 2)
    [name for name, output in info.outputs.items() if output.training_only]
    # ["feature_affinity", "super_resolution"]
    ```
    """
    stated = _Stated(model)
    tensors = named_outputs(model)
    outputs = stated.outputs(tensors)
    others = {name: x for name, x in tensors.items() if name not in outputs}
    outputs |= unstated.outputs(model, others, outputs)
    prediction = _prediction(outputs)
    main = outputs.get(prediction)
    return NetworkInfo(
        inputs=unstated.inputs(model) | stated.inputs,
        outputs={name: outputs[name] for name in tensors},
        prediction=prediction,
        num_classes=tensors[prediction].shape[-1] if main else None,
        scale=main.scale if main else 1,
        classifiers=stated.classifiers or unstated.classifiers(model, tensors),
        encoder=stated.places.get("encoder"),
        decoder=stated.places.get("decoder"),
        release=stated.release or unstated.release(model),
    )


def named_outputs(model):
    """`{name: symbolic tensor}` of a model's outputs, a bare one by its layer's."""
    if isinstance(model.output, dict):
        return dict(model.output)
    return dict(zip(model.output_names, model.outputs, strict=True))


def state_release(model, name):
    """Says of a network which of `released_model` it is."""
    for layer in _Stated(model).ends.values():
        layer.release = name


class _Stated:
    """What the layers of a model's graph say."""

    def __init__(self, model):
        self.inputs, self.places, self.ends = {}, {}, {}
        self.classifiers, made_by = [], {}
        for layer, (args, _), tensors in nodes(model):
            made_by |= dict.fromkeys(map(id, tensors), layer)
            if isinstance(layer, NetworkInput):
                self.inputs[args[0].name] = layer.content
            elif isinstance(layer, NetworkOutput):
                self.ends[id(tensors[0])] = layer
            elif isinstance(layer, NetworkTensor):
                self.places[layer.role] = args[0]
                if layer.role == "logits":
                    self.classifiers.append(made_by[id(args[0])])
        self.release = next((x.release for x in self.ends.values() if x.release), None)

    def outputs(self, tensors):
        """`{name: OutputInfo}` of those of the tensors that are said to be outputs."""
        ends = {name: self.ends.get(id(x)) for name, x in tensors.items()}
        return {
            name: OutputInfo(end.target, end.training_only, end.scale)
            for name, end in ends.items()
            if end is not None
        }


def _prediction(outputs):
    if len(outputs) == 1:
        return next(iter(outputs))
    names = [name for name, output in outputs.items() if not output.training_only]
    return names[0] if len(names) == 1 else None
