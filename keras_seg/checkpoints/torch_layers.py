"""Conversion of single PyTorch modules: how their arrays lie in Keras layers."""

import keras


def conv2d(layer, key):
    """`torch.nn.Conv2d` under `key`: (out, in, rows, columns) to Keras's order."""
    assignments = [(layer.kernel, f"{key}.weight", (2, 3, 1, 0))]
    if layer.use_bias:
        assignments.append((layer.bias, f"{key}.bias", (0,)))
    return assignments


def batch_norm(layer, key):
    """`torch.nn.BatchNorm2d` under `key`."""
    return [
        (layer.gamma, f"{key}.weight", (0,)),
        (layer.beta, f"{key}.bias", (0,)),
        (layer.moving_mean, f"{key}.running_mean", (0,)),
        (layer.moving_variance, f"{key}.running_var", (0,)),
    ]


def assignments(layer, key):
    """What to read for one Keras layer: triples of variable, key and axis order."""
    if isinstance(layer, keras.layers.Conv2D):
        return conv2d(layer, key)
    if isinstance(layer, keras.layers.BatchNormalization):
        return batch_norm(layer, key)
    raise TypeError(f"No PyTorch module corresponds to this layer. Received: {layer=}")
