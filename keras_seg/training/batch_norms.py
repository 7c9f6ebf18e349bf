import keras

from keras_seg._keras_private import layers_within


def batch_norms(model):
    """Returns the batch norms of a model, also those in nested models and layers."""
    return [
        layer
        for layer in layers_within(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
