import keras


def functional_model(model):
    """Returns a functional model with the layers of a `keras.Sequential`.

    Keras 3 has no `output` for a Sequential that was never called on another tensor.

    Args:
        model: `keras.Model`; one that is not a built Sequential is returned itself.
    """
    if not isinstance(model, keras.Sequential) or not model.built:
        return model
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
