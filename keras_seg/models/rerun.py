"""A model's layers, called once more."""

import keras


def rerun(model, call):
    """The functional model of the same layers, called on new inputs.

    Args:
        model: functional `keras.Model`.
        call: function `(layer, *args, **kwargs) -> outputs`, which calls the layer.

    Returns:
        A functional `keras.Model` with the same inputs, which shares all weights.
    """
    # A compiled model would be cloned with its metrics.
    plain = keras.Model(model.input, model.output, name=model.name)
    return keras.models.clone_model(
        plain, clone_function=lambda layer: layer, call_function=call
    )
