import keras

from keras_seg._keras_private import layers_within


def batch_norms(model):
    """The batch norms of a model, of models nested in it, and inside its layers."""
    return [
        layer
        for layer in layers_within(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
