import keras
from keras import ops

from keras_seg.backbones.graph import nodes
from keras_seg.layers import BilinearUpsample, CropToCells, NetworkOutput, ResizeLike
from keras_seg.layers.pass_through import PassThrough
from keras_seg.models.network_info import network_info

_LEAST = 1e-7  # of a sigmoid, in which float32 cannot tell 1 from larger values
_TINY = 1e-30
_KEEP_CLASSES = (
    keras.layers.Dropout,
    keras.layers.Identity,
    keras.layers.Cropping2D,
    keras.layers.UpSampling2D,
    keras.layers.Resizing,
    BilinearUpsample,
    CropToCells,
    PassThrough,
    ResizeLike,
)


@keras.saving.register_keras_serializable(package="keras_seg")
class LogitsOfProbabilities(keras.layers.Layer):
    """Returns logits whose softmax, or sigmoid, are the given probabilities.

    Args:
        sigmoid: bool. Whether the probabilities are those of a sigmoid.
        **kwargs: Base layer arguments, such as `name`.

    Input shape:
        `(..., classes)`, in 0..1.

    Output shape:
        The same, float32.

    Example:
        `LogitsOfProbabilities(sigmoid=True)(keras.ops.ones((1, 2, 2, 1)) / 2)` is 0.
    """

    def __init__(self, sigmoid, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.sigmoid = sigmoid

    def build(self, input_shape):
        pass

    def call(self, inputs):
        if self.sigmoid:
            inside = ops.minimum(ops.maximum(inputs, _LEAST), 1 - _LEAST)
            return ops.log(inside) - ops.log(1 - inside)
        return ops.log(ops.maximum(inputs, _TINY))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.pop("dtype")
        return config | {"sigmoid": self.sigmoid}


def with_logits(network):
    """Returns a network of logits, also if its last layer is a softmax or a sigmoid.

    Args:
        network: functional `keras.Model` from images to logits or probabilities.

    Returns:
        `network` itself, or a functional `keras.Model` that shares its weights.

    Raises:
        ValueError: If several classes have a sigmoid, since it is not stated whether
            they are independent.

    Example:
        `with_logits(keras.saving.load_model("unet.keras"))`
    """
    activation = _last_activation(network) if len(network.outputs) == 1 else None
    if activation is None:
        return network
    sigmoid = activation == "sigmoid"
    independent = network_info(network).independent_classes
    if sigmoid and network.output_shape[-1] > 1 and not independent:
        raise ValueError(
            "The model must give logits, or the probabilities of a softmax or of a "
            f"single sigmoid. Received: {network.name!r}, whose "
            f"{network.output_shape[-1]} classes have a sigmoid each. If they are "
            "independent, remove the activation and mark the logits: "
            "`keras_seg.layers.NetworkOutput(independent_classes=True)(logits)`."
        )
    logits = LogitsOfProbabilities(sigmoid, name="logits_of_probabilities")
    logits = logits(network.output)
    last = next(
        layer
        for layer, _, tensors in nodes(network)
        if any(tensor is network.output for tensor in tensors)
    )
    if isinstance(last, NetworkOutput):  # the mark must be the last layer
        config = last.get_config() | {"name": f"{last.name}_of_logits"}
        logits = NetworkOutput.from_config(config)(logits)
    return keras.Model(network.inputs, logits, name=network.name)


def _last_activation(model, output=0):
    """Returns "softmax", "sigmoid" or None: the activation of an output's last layer.

    Looks through layers after it that do not compute with classes.
    """
    made_by = {
        id(tensor): (layer, arguments, index)
        for layer, arguments, tensors in nodes(model)
        for index, tensor in enumerate(tensors)
    }
    tensor = model.outputs[output]  # a Sequential inside of another has no `output`
    while id(tensor) in made_by:
        layer, arguments, index = made_by[id(tensor)]
        if isinstance(layer, keras.Model):
            has_graph = getattr(layer, "outputs", None)
            return _last_activation(layer, index) if has_graph else None
        name = _activation(layer)
        if name in ("softmax", "sigmoid"):
            return name
        if not isinstance(layer, _KEEP_CLASSES) and not (
            isinstance(layer, keras.layers.Activation) and name == "linear"
        ):
            return None
        # Of a map and another one for its size, the first.
        tensor = keras.tree.flatten(arguments)[0]
    return None


def _activation(layer):
    """Returns the name of the activation of a layer or operation, or None."""
    name = type(layer).__name__.lower()  # of layers, and of operations of keras.ops
    if name in ("softmax", "sigmoid"):
        return name
    layer = getattr(layer, "pointwise", layer)  # of `SeparableConvNorm`
    activation = getattr(layer, "activation", None)
    if isinstance(activation, keras.layers.Layer):  # as in `ConvNorm`
        return _activation(activation)
    return getattr(activation, "__name__", None)
