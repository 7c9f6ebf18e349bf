import numpy as np

from keras_seg.checkpoints import released_keys
from keras_seg.checkpoints.torch_layers import assignments


def load_torch_weights(target, state_dict):
    """Fills a layer with the weights of the module that the paper's authors released.

    Nothing is set unless everything fits: every key of `state_dict` must be used,
    every variable of `target` set, and every shape agree. A "module." prefix, as
    `torch.nn.DataParallel` writes it, is stripped, and `num_batches_tracked`, which
    has no counterpart, is left out.

    Args:
        target: A built layer: `StripPooling` (released as `SPBlock`) or `MixedPooling`
            (released as `StripPooling`).
        state_dict: dict `{original key: array}`. PyTorch is not needed; with it, a
            checkpoint becomes one by
            `{k: v.numpy() for k, v in torch.load(path, weights_only=True).items()}`.

    Raises:
        TypeError: If no released module is known for `target`.
        ValueError: If `target` is not built, if keys are missing or left over, or if
            shapes differ; all of them are listed.

    Example:

    ```python
    layer = keras_seg.layers.StripPooling()
    layer.build((None, None, None, 64))
    prefix = "pretrained.layer1.2.spm."
    load_torch_weights(
        layer,
        {k[len(prefix):]: v for k, v in checkpoint.items() if k.startswith(prefix)},
    )
    ```
    """
    if type(target) not in released_keys.BY_CLASS:
        known = ", ".join(cls.__name__ for cls in released_keys.BY_CLASS)
        raise TypeError(
            f"`target` must be one of: {known}. Received: {type(target).__name__}"
        )
    if not target.built:
        raise ValueError(
            f"`target` must be built before weights are loaded into it: call "
            f"{target.name}.build((None, None, None, channels)) first."
        )
    arrays = {
        key.removeprefix("module."): np.asarray(value)
        for key, value in state_dict.items()
        if not key.endswith("num_batches_tracked")
    }
    wanted = [
        assignment
        for key, layer in released_keys.BY_CLASS[type(target)](target).items()
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
