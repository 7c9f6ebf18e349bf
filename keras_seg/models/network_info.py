"""Facts about a network, read from the marker layers in its graph."""

import dataclasses

import keras

from keras_seg.backbones.graph import nodes
from keras_seg.layers import NetworkInput, NetworkOutput, NetworkTensor
from keras_seg.models import unstated
from keras_seg.models.functional_model import functional_model
from keras_seg.models.output_info import OutputInfo
from keras_seg.typing import Tensor


@dataclasses.dataclass(frozen=True)
class NetworkInfo:
    """Facts about a network, as returned by `network_info`.

    Attributes:
        inputs: dict `{name: content}` in the order of the model's inputs. The content
            is "image", "labels", "positions", or None if unknown.
        outputs: dict `{name: OutputInfo}` of the purpose of each output: its `target`,
            its `scale`, and whether it is `training_only` and has
            `independent_classes`.
        prediction: str or None. Name of the output that predictions are made from. None
            if a model has several outputs and does not mark one of them.
        num_classes: int or None. Number of channels of that output.
        independent_classes: bool. Whether a pixel may have any number of these classes,
            each predicted by a sigmoid.
        scale: int. Factor by which images are reduced for the network, which predicts
            at their full size. 1 for all networks except `DSRL` and others from
            `dual_super_resolution`.
        classifiers: list of the layers whose filters are the classes.
        encoder, decoder: symbolic tensors, the features between encoder and decoder,
            and the last features before the prediction. None if not marked.
        release: str or None. Name in `released_model`, if the network is one of those.
    """

    inputs: dict
    outputs: dict
    prediction: str | None
    num_classes: int | None
    independent_classes: bool
    scale: int
    classifiers: list
    encoder: Tensor | None
    decoder: Tensor | None
    release: str | None

    @property
    def num_labels(self) -> int | None:
        """int or None. Number of classes in labels: 2 for one logit, a sigmoid."""
        if self.num_classes == 1 and not self.independent_classes:
            return 2
        return self.num_classes


def network_info(model: keras.Model) -> NetworkInfo:
    """Returns a network's classes, its scale, and the purpose of its parts.

    Networks contain the marker layers `keras_seg.layers.NetworkInput`, `NetworkTensor`
    and `NetworkOutput`, so these facts are kept in saved files, copies, and models with
    some of their outputs. Other models, such as files of versions without these layers,
    are interpreted by the names of their inputs and outputs: the inputs "labels" and
    "positions"; the output "segmentation", which is the prediction; other outputs
    beside it, including "super_resolution" and "feature_affinity", are for training
    only.

    Args:
        model: functional `keras.Model` with the image as its first input.

    Returns:
        A `NetworkInfo` with the attributes `inputs`, `outputs`, `prediction`,
        `num_classes`, `num_labels`, `independent_classes`, `scale`, `classifiers`,
        `encoder`, `decoder` and `release`.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If it does not mark its outputs, and its first input is not of
            images.

    Example:
        ```python
        info = network_info(DSRL(11, "resnet18"))
        info.num_classes, info.scale  # (11, 2)
        [name for name, output in info.outputs.items() if output.training_only]
        # ["super_resolution", "feature_affinity"]
        ```
    """
    model = functional_model(model)
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
        independent_classes=main.independent_classes if main else False,
        scale=main.scale if main else 1,
        classifiers=stated.classifiers or unstated.classifiers(model, tensors),
        encoder=stated.places.get("encoder"),
        decoder=stated.places.get("decoder"),
        release=stated.release or unstated.release(model),
    )


def named_outputs(model):
    """Returns `{name: symbolic tensor}` of the outputs, by layer name if not a dict."""
    if isinstance(model.output, dict):
        return dict(model.output)
    return dict(zip(model.output_names, model.outputs, strict=True))


def state_release(model, name):
    """Stores in a network which network of `released_model` it is."""
    for layer in _Stated(model).ends.values():
        layer.release = name


class _Stated:
    """Facts that the marker layers in a model's graph state."""

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
        """Returns `{name: OutputInfo}` of those tensors that are marked as outputs."""
        ends = {name: self.ends.get(id(x)) for name, x in tensors.items()}
        return {
            name: OutputInfo(
                end.target, end.training_only, end.scale, end.independent_classes
            )
            for name, end in ends.items()
            if end is not None
        }


def _prediction(outputs):
    if len(outputs) == 1:
        return next(iter(outputs))
    names = [name for name, output in outputs.items() if not output.training_only]
    return names[0] if len(names) == 1 else None
