"""Rebuilding of a functional network, layer by layer, with its weights."""

import keras


def rebuild(network, replacement=None, insertions=None, normalization=None):
    """Copies a functional network, with layers replaced or inserted.

    A built Keras layer cannot be edited, so every layer is made anew from its
    configuration and takes its weights along. Names stay.

    Args:
        network: functional `keras.Model` with one input.
        replacement: function `layer -> layer` that gives an unbuilt layer of the same
            name, with weights of the same shapes; None for plain copies.
        insertions: dict `{layer name: layer}`: unbuilt layers that are put behind those
            named; what follows sees their output.
        normalization: unbuilt layer that the input passes first, or None.

    Returns:
        Pair of the new input tensor and `{layer name: tensor}`, where a name of
        `insertions` has the output of the layer inserted.
    """
    insertions = insertions or {}
    original = network.inputs[0]
    image = keras.Input(
        batch_shape=original.shape, dtype=original.dtype, name=original.name
    )
    start = image if normalization is None else normalization(image)
    layers, tensors = {}, {}

    def call(layer, *args, **kwargs):
        args, kwargs = keras.tree.map_structure(
            lambda argument: start if argument is image else argument, (args, kwargs)
        )
        output = layer(*args, **kwargs)
        if layer.name in insertions:
            output = insertions[layer.name](output)
        layers[layer.name], tensors[layer.name] = layer, output
        return output

    # Keras 3.12 would call the constructor of a subclass, such as keras-cv's, with the
    # tensors of the copy.
    plain = keras.Model(network.input, network.output)
    keras.models.clone_model(
        plain,
        input_tensors=keras.tree.pack_sequence_as(plain.input, [image]),
        clone_function=replacement or copy_layer,
        call_function=call,
    )
    for layer in network.layers:
        if layer.weights:
            layers[layer.name].set_weights(layer.get_weights())
    return image, tensors


def copy_layer(layer, **changes):
    """A layer made from the configuration of another, with some values changed."""
    return type(layer).from_config({**layer.get_config(), **changes})
