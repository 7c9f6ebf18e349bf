from typing import Any

import keras

from keras_seg.checkpoints.load_torch_weights import load_torch_weights
from keras_seg.checkpoints.released_model import released_model
from keras_seg.checkpoints.torch_file import read_torch_file
from keras_seg.local_path import local_path
from keras_seg.typing import PathLike


def convert(
    path: PathLike, network: str, num_classes: int, output: PathLike, **options: Any
) -> keras.Model:
    """Converts a checkpoint of the authors' PyTorch code to a Keras model.

    The command `keras-seg convert` does the same. PyTorch is not required.

    Args:
        path: path of the `.pth` file; see `read_torch_file`.
        network: str, the name of the network; see `released_model`.
        num_classes: int.
        output: path of the `.keras` file to write. An existing file is replaced.
        **options: options of the network; see `released_model`.

    Returns:
        The `keras.Model` on raw images, with the auxiliary head of the checkpoint; see
        `released_model`.

    Raises:
        OSError: If there is no file at `path`, or no folder for `output`.
        ValueError: If `output` does not end in `.keras`, or for the reasons listed in
            `read_torch_file`, `released_model` and `load_torch_weights`.

    Example:
        ```python
        convert("train_epoch_120.pth", "spnet_resnet101", 150, "spnet.keras")
        ```
    """
    from keras_seg.storage.replacing import replacing  # imports TensorFlow

    target = local_path(output)
    if target.suffix != ".keras":
        raise ValueError(f"`output` must end in .keras. Received: {output}")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {target.parent} for `output`. Create it first."
        )
    state_dict = read_torch_file(path)
    model = released_model(network, num_classes, **options)
    load_torch_weights(model, state_dict)
    with replacing(target) as unfinished:
        model.save(unfinished)
    return model
