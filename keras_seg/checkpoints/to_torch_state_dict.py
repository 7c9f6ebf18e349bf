import keras
import numpy as np
from keras import ops

from keras_seg.checkpoints.key_table import resolve
from keras_seg.checkpoints.released_model import RELEASES, key_table
from keras_seg.checkpoints.torch_layers import assignments
from keras_seg.models import network_info


def to_torch_state_dict(model: keras.Model) -> dict[str, np.ndarray]:
    """Returns the weights of a released network under the keys of the authors' code.

    The arrays are bit for bit those that `load_torch_weights` set. They include the
    fixed position encodings of HANet, but not `num_batches_tracked`: PyTorch sets it to
    0 when it loads a state dict without it, also with `strict=True`. The authors'
    scripts wrap the network in a `DataParallel`, whose keys start with "module.", and
    save it as "state_dict":

    ```python
    arrays = to_torch_state_dict(model)
    tensors = {f"module.{key}": torch.tensor(array) for key, array in arrays.items()}
    torch.save({"state_dict": tensors}, "spnet.pth")
    ```

    Args:
        model: a network of `released_model`, also after `replace_classifier` or
            `inference_model`, or loaded from a file.

    Returns:
        dict `{original key: NumPy array}`, float32, with axes in PyTorch's order.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If the model is not a network of `released_model`, or has other
            weights.

    Example:
        ```python
        model = released_model("spnet_resnet50", num_classes=19)
        to_torch_state_dict(model)["head.score_layer.4.weight"].shape  # (19, 512, 1, 1)
        ```
    """
    release = network_info(model).release
    if release is None:
        raise ValueError(
            "`model` must be a network of `released_model`: "
            f"{', '.join(RELEASES)}. Received: {model.name!r}"
        )
    layers, tables = resolve(key_table(release), model)
    parts = [x for key, layer in layers.items() for x in assignments(layer, key)]
    found = {id(variable) for variable, *_ in parts}
    others = [weight.path for weight in model.weights if id(weight) not in found]
    if others:
        raise ValueError(
            "`model` must be a network of `released_model` itself, not one that "
            f"contains it or has other layers. Received: {model.name!r}, whose "
            f"{', '.join(others[:3])} are not in the release"
        )
    arrays = {
        name: np.ascontiguousarray(
            ops.convert_to_numpy(variable).transpose(np.argsort(order)), "float32"
        )
        for variable, name, order in parts
    }
    return arrays | {key: np.array(table) for key, table in tables.items()}
