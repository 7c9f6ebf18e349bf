"""Conversion of the arrays of single PyTorch modules to those of Keras layers."""

import collections.abc

import keras
import numpy as np
from numpy.typing import ArrayLike


def conv2d(layer, key):
    """Returns the assignments of a `torch.nn.Conv2d` (out, in, rows, columns)."""
    assignments = [(layer.kernel, f"{key}.weight", (2, 3, 1, 0))]
    if layer.use_bias:
        assignments.append((layer.bias, f"{key}.bias", (0,)))
    return assignments


def conv1d(layer, key):
    """Returns the assignments of a `torch.nn.Conv1d` (out, in, taps)."""
    assignments = [(layer.kernel, f"{key}.weight", (2, 1, 0))]
    if layer.use_bias:
        assignments.append((layer.bias, f"{key}.bias", (0,)))
    return assignments


def depthwise_conv2d(layer, key):
    """Returns the assignments of a depthwise `torch.nn.Conv2d` (channels, 1, ...)."""
    assignments = [(layer.kernel, f"{key}.weight", (2, 3, 0, 1))]
    if layer.use_bias:
        assignments.append((layer.bias, f"{key}.bias", (0,)))
    return assignments


def batch_norm(layer, key):
    """Returns the assignments of a `torch.nn.BatchNorm2d`."""
    return [
        (layer.gamma, f"{key}.weight", (0,)),
        (layer.beta, f"{key}.bias", (0,)),
        (layer.moving_mean, f"{key}.running_mean", (0,)),
        (layer.moving_variance, f"{key}.running_var", (0,)),
    ]


def from_pixel_shuffle(array: ArrayLike, scale: int) -> np.ndarray:
    """Reorders the channels of a convolution before `torch.nn.PixelShuffle`.

    PyTorch stores channel k of the pixel in row i and column j of a cell as channel
    `(k * scale + i) * scale + j`, `SubPixelUpsample` as
    `(i * scale + j) * filters + k`.

    Args:
        array: weight `(filters * scale ** 2, in, rows, columns)` or bias
            `(filters * scale ** 2,)` of a `torch.nn.Conv2d`, output channels first.
        scale: int, the upscaling factor of both layers.

    Returns:
        Array of the same shape, with the output channels in the order of
        `SubPixelUpsample`.

    Raises:
        ValueError: If the number of channels is not a multiple of `scale ** 2`.

    Example:
        ```python
        from_pixel_shuffle(np.arange(8), 2)  # [0, 4, 1, 5, 2, 6, 3, 7]
        ```
    """
    array = np.asarray(array)
    if len(array) % scale**2:
        raise ValueError(
            "The number of output channels must be a multiple of "
            f"scale ** 2 = {scale**2}. Received: shape {array.shape}"
        )
    pixels = array.reshape(-1, scale**2, *array.shape[1:])
    return pixels.swapaxes(0, 1).reshape(array.shape)


def assignments(layer, key):
    """Returns triples of variable, key and axis order for a layer or variable."""
    if isinstance(layer, keras.Variable):  # `torch.nn.Embedding`
        return [(layer, f"{key}.weight", tuple(range(len(layer.shape))))]
    if isinstance(layer, keras.layers.Conv2D):
        return conv2d(layer, key)
    if isinstance(layer, keras.layers.Conv1D):
        return conv1d(layer, key)
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return depthwise_conv2d(layer, key)
    if isinstance(layer, keras.layers.BatchNormalization):
        return batch_norm(layer, key)
    raise TypeError(f"No PyTorch module corresponds to this layer. Received: {layer=}")


def unwrapped(checkpoint):
    """Returns the state dict in a checkpoint that may nest it a few dicts deep."""
    for entry in ("state_dict", "model") * 2:
        if isinstance(checkpoint.get(entry), collections.abc.Mapping):
            checkpoint = checkpoint[entry]
    return checkpoint


def plain_state_dict(checkpoint):
    """Returns `{original key: array}` of a checkpoint, without wrappers.

    Wrappers are outer dicts with more entries, and the prefix that
    `torch.nn.DataParallel` adds to keys.

    Raises:
        TypeError: If the checkpoint is not a dict with keys of text.
    """
    is_dict = isinstance(checkpoint, collections.abc.Mapping)
    entries = unwrapped(checkpoint) if is_dict else {}
    if not is_dict or not all(isinstance(key, str) for key in entries):
        raise TypeError(
            "`state_dict` must be a dict {original key: array}; "
            "`keras_seg.checkpoints.read_torch_file` reads it from a file. "
            f"Received: {type(checkpoint).__name__}"
        )
    return {
        key.removeprefix("module."): _array(value) for key, value in entries.items()
    }


def _array(value):
    if hasattr(value, "detach"):  # a PyTorch tensor, maybe with a gradient or on a GPU
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # which NumPy lacks
            value = value.float()
    return np.asarray(value)


def fill(target, layers, state_dict, optional=(), tables=None):
    """Sets the weights of layers from a PyTorch state dict; all of them or none.

    Args:
        target: the layer or model that consists of `layers`.
        layers: dict `{key without ".weight": Keras layer or variable}`.
        state_dict: dict `{key: array}`.
        optional: tuple of prefixes of keys that are ignored.
        tables: dict `{key: array}` of constants of `target` that PyTorch stores as
            weights. The values must be equal.

    Raises:
        ValueError: If keys are missing or unused, if shapes or tables differ, or if a
            variable of `target` would not be set. The error lists all problems.
    """
    arrays = {
        key: array
        for key, array in plain_state_dict(state_dict).items()
        if not key.endswith("num_batches_tracked") and not key.startswith(optional)
    }
    wanted = [
        assignment
        for key, layer in layers.items()
        for assignment in assignments(layer, key)
    ]
    _check(target, wanted, arrays, tables or {})
    for variable, key, order in wanted:
        variable.assign(arrays[key].transpose(order))


def _check(target, wanted, arrays, tables):
    expected = {
        key: tuple(variable.shape[order.index(axis)] for axis in range(len(order)))
        for variable, key, order in wanted
    } | {key: table.shape for key, table in tables.items()}
    problems = [f"missing key {key!r}" for key in expected if key not in arrays]
    problems += [f"unused key {key!r}" for key in arrays if key not in expected]
    problems += [
        f"{key!r} has shape {arrays[key].shape}, expected {shape}"
        for key, shape in expected.items()
        if key in arrays and arrays[key].shape != shape
    ]
    problems += [
        f"the values of {key!r} differ from the fixed table of the layer"
        for key, table in tables.items()
        if key in arrays
        and arrays[key].shape == table.shape
        and not np.allclose(arrays[key], table, atol=1e-6)
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
