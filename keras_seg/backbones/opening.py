"""Opens layers that consist of other layers, so that their parts can be rewritten."""

import keras

from keras_seg._keras_private import calls, layers_within, takes_training
from keras_seg.layers import StripPooling

# A layer is opened only if it contains one of these.
SPATIAL_LAYERS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping2D,
    keras.layers.UpSampling2D,
)


def contained_layers(layer):
    """Returns the layers inside a layer, at every depth."""
    return [inner for inner in layers_within(layer) if inner is not layer]


def open_layer(layer, args, kwargs):
    """Traces a layer that contains spatial layers as a function, or returns None.

    Layers that consist of other layers but cannot be recreated from their configuration
    are traced too. A layer stays closed if only its own class can run it: if it has
    variables besides those of its layers, needs concrete tensors, or behaves
    differently in training.

    Args:
        layer: layer or operation.
        args, kwargs: the arguments of its call, with symbolic tensors.

    Returns:
        `keras.Function` of the layer, and the list of symbolic tensors it is called
        with.
    """
    # Strip pooling suits any stride as it is, and models look for the layer.
    if not isinstance(layer, keras.Layer) or isinstance(layer, StripPooling):
        return None
    inside = contained_layers(layer)
    if not inside or not (
        any(isinstance(inner, SPATIAL_LAYERS) for inner in inside)
        or not _has_configuration(layer)
    ):
        return None
    theirs = {id(variable) for inner in inside for variable in inner.variables}
    if any(id(variable) not in theirs for variable in layer.variables):
        return None
    try:
        functions = [
            _trace(layer, args, kwargs | training)
            for training in _courses(layer, kwargs)
        ]
    except Exception:  # a `call` can fail on symbolic tensors in any way
        return None
    courses = {tuple(type(call[0]) for call in calls(f)) for f, _ in functions}
    return functions[0] if len(courses) == 1 else None


def _has_configuration(layer):
    try:
        type(layer).from_config(layer.get_config())
    except Exception:  # inner layers are never saved alone, so this may not work
        return False
    return True


def _courses(layer, kwargs):
    """Returns the arguments under which the `call` of a layer could differ."""
    if takes_training(layer) and kwargs.get("training") is None:
        return [{}, {"training": True}, {"training": False}]
    return [{}]


def _trace(layer, args, kwargs):
    tensors = {}

    def placeholder(value):
        if not isinstance(value, keras.KerasTensor):
            return value
        if id(value) not in tensors:
            new = keras.Input(batch_shape=value.shape, dtype=value.dtype)
            tensors[id(value)] = (value, new)
        return tensors[id(value)][1]

    new_args, new_kwargs = keras.tree.map_structure(placeholder, (args, kwargs))
    outputs = keras.tree.flatten(layer.call(*new_args, **new_kwargs))
    originals, inputs = map(list, zip(*tensors.values(), strict=True))
    return keras.Function(inputs, outputs), originals
