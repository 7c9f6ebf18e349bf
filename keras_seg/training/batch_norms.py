import keras


def batch_norms(model):
    """The batch norms of a model, of models nested in it, and inside its layers."""
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
