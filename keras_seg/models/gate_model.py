import keras

from keras_seg.backbones.graph import is_functional
from keras_seg.layers import StripPooling
from keras_seg.models.rerun import rerun


def gate_model(model: keras.Model) -> keras.Model:
    """Returns a model of the strip pooling gates of an SPNet.

    Args:
        model: `SPNet`, or any functional `keras.Model` with `StripPooling` layers, its
            own or those of a nested model such as the backbone.

    Returns:
        A functional `keras.Model` with the inputs of `model`, which returns the dict
        `{"gate1": (batch, rows, columns, channels), "gate2": ...}` of the gates in
        0..1, in the order of the layers. An SPNet on a ResNet has one gate for each of
        the first three stages and one for each block of the fourth. The model shares
        the weights of `model`, except those of the `StripPooling` layers, which are
        copied. Images are padded as in `model`, so cells may extend beyond the bottom
        and right edges.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If the model has no `StripPooling` layer.

    Example:
        ```python
        gates = gate_model(SPNet(11, "resnet18"))(images)
        gates["gate1"].shape  # (batch, 90, 120, 64) for images (batch, 360, 480, 3)
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.1.
    """
    again, gates = _gates(model)
    if not gates:
        raise ValueError(
            "The model must have StripPooling layers. "
            f"Received: {model.name!r} without any"
        )
    named = {f"gate{number}": gate for number, gate in enumerate(gates, 1)}
    return keras.Model(again.input, named, name=f"{model.name}_gates")


def _gates(model):
    """Returns the model on new inputs, and the symbolic gates of all its layers."""
    gates, twins = [], {}

    def call(layer, *args, **kwargs):
        if isinstance(layer, StripPooling):
            if layer.name not in twins:
                config = {"return_gate": True, "name": f"{layer.name}_gate"}
                config = layer.get_config() | config
                twins[layer.name] = StripPooling.from_config(config)
            twin = twins[layer.name]
            gates.append(twin(args[0])[1])
            twin.set_weights(layer.get_weights())
        elif is_functional(layer):
            inner, inner_gates = _gates(layer)
            if inner_gates:
                found = keras.Model(inner.input, inner_gates)(*args)
                gates.extend(found if isinstance(found, (list, tuple)) else [found])
        return layer(*args, **kwargs)

    return rerun(model, call), gates
