from collections.abc import Sequence

import keras

from keras_seg.sequence_argument import require_sequence


def select_outputs(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """Returns a network with some of its outputs, for training in stages.

    Args:
        model: functional `keras.Model` whose outputs are a dict.
        names: sequence of str, the names of the outputs to keep.

    Returns:
        A functional `keras.Model` that shares its weights with `model`, from the same
        inputs to the dict of the named outputs. Layers that only the other outputs need
        are left out.

    Raises:
        ValueError: If `names` is empty or has a name that is not an output.

    Example:
        ```python
        model = DSRL(11, "resnet18")
        first = select_outputs(model, ["segmentation"])  # SSSR
        second = select_outputs(model, ["segmentation", "super_resolution"])  # and SISR
        ```
    """
    outputs = model.output if isinstance(model.output, dict) else {}
    names = require_sequence("names", names, "output names")
    if not names or not set(names) <= set(outputs):
        raise ValueError(
            "`names` must be one or more of the outputs of the model. "
            f"Received: {names=} and {model.name!r} with {sorted(outputs)}"
        )
    chosen = {name: outputs[name] for name in names}
    return keras.Model(model.input, chosen, name=model.name)
