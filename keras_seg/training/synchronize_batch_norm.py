import keras


def synchronize_batch_norm(model):
    """Lets every batch norm of a model take its statistics over all replicas.

    Segmentation trains with few images a device, too few for statistics of their own.
    This sets `keras.layers.BatchNormalization(synchronized=True)` throughout a model
    that is built already, in nested models and inside of layers, before it is compiled.
    It is a switch for training on TensorFlow: with one replica it changes nothing but
    the rounding of the variance, and the other backends do not have it.

    Args:
        model: `keras.Model` that has not been trained yet.

    Returns:
        The number of batch norms that were set.

    Example: see `mirrored_strategy`.
    """
    norms = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    for norm in norms:
        norm.synchronized = True
    return len(norms)
