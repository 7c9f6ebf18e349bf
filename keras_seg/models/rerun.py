"""Calling the layers of a model again on new inputs."""

import keras

from keras_seg.models.functional_model import functional_model


def rerun(model, call):
    """Builds a functional model of the same layers on new inputs.

    Args:
        model: functional `keras.Model`.
        call: function `(layer, *args, **kwargs) -> outputs` that calls the layer.

    Returns:
        A functional `keras.Model` with the same inputs, which shares all weights.
    """
    model = functional_model(model)
    # Without compilation, or the metrics would be cloned too.
    plain = keras.Model(model.input, model.output, name=model.name)
    return keras.models.clone_model(
        plain, clone_function=lambda layer: layer, call_function=call
    )
