"""Conversion of single PyTorch modules: how their arrays lie in Keras layers."""

import keras
import numpy as np


def conv2d(layer, key):
    """`torch.nn.Conv2d` under `key`: (out, in, rows, columns) to Keras's order."""
    assignments = [(layer.kernel, f"{key}.weight", (2, 3, 1, 0))]
    if layer.use_bias:
        assignments.append((layer.bias, f"{key}.bias", (0,)))
    return assignments


def depthwise_conv2d(layer, key):
    """`torch.nn.Conv2d` with as many groups as channels: (channels, 1, ...)."""
    assignments = [(layer.kernel, f"{key}.weight", (2, 3, 0, 1))]
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
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return depthwise_conv2d(layer, key)
    if isinstance(layer, keras.layers.BatchNormalization):
        return batch_norm(layer, key)
    raise TypeError(f"No PyTorch module corresponds to this layer. Received: {layer=}")


def fill(target, layers, state_dict, optional=()):
    """Fills layers with arrays of a PyTorch state dict, or sets nothing at all.

    Args:
        target: the layer or model that consists of `layers`.
        layers: dict `{key without ".weight": Keras layer}`.
        state_dict: dict `{key: array}`.
        optional: keys that may be there and are not used.

    Raises:
        ValueError: If keys are missing or left over, shapes differ, or a variable of
            `target` is not set; all of them are listed.
    """
    arrays = {
        key.removeprefix("module."): np.asarray(value)
        for key, value in state_dict.items()
        if not key.endswith("num_batches_tracked")
    }
    arrays = {key: array for key, array in arrays.items() if key not in optional}
    wanted = [
        assignment
        for key, layer in layers.items()
        for assignment in assignments(layer, key)
    ]
    _check(target, wanted, arrays)
    for variable, key, order in wanted:
        variable.assign(arrays[key].transpose(order))


def _check(target, wanted, arrays):
    expected = {
        key: tuple(variable.shape[order.index(axis)] for axis in range(len(order)))
        for variable, key, order in wanted
    }
    problems = [f"missing key {key!r}" for key in expected if key not in arrays]
    problems += [f"unused key {key!r}" for key in arrays if key not in expected]
    problems += [
        f"{key!r} has shape {arrays[key].shape}, expected {shape}"
        for key, shape in expected.items()
        if key in arrays and arrays[key].shape != shape
    ]
    covered = {id(variable) for variable, _, _ in wanted}
    problems += [
        f"no key is known for the variable {variable.path!r}"
        for variable in target.weights
        if id(variable) not in covered
    ]
    if problems:
        raise ValueError(
            f"The state dict does not fit {type(target).__name__} {target.name!r}:\n  "
            + "\n  ".join(problems)
        )
