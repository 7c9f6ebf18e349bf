from collections.abc import Mapping
from typing import Any

import keras

from keras_seg.backbones.graph import is_functional
from keras_seg.checkpoints import released_keys
from keras_seg.checkpoints.key_table import resolve
from keras_seg.checkpoints.released_model import RELEASES, key_table
from keras_seg.checkpoints.resnet_keys import pyramid_keys
from keras_seg.checkpoints.torch_layers import (
    fill,
    from_pixel_shuffle,
    plain_state_dict,
)
from keras_seg.layers import HeightDrivenAttention, SubPixelUpsample
from keras_seg.models import network_info


def load_torch_weights(
    target: keras.layers.Layer, state_dict: Mapping[str, Any]
) -> None:
    """Loads weights that the authors released into a network, a layer or a backbone.

    Nothing is set unless everything fits: every key of `state_dict` must be used, every
    variable of `target` must be set, and all shapes must match. Wrappers that training
    scripts add are removed: an outer dict with the entry "state_dict" or "model", and
    the prefix "module." of the keys, which `DataParallel` and
    `DistributedDataParallel` write. `num_batches_tracked`, which has no counterpart in
    Keras, is ignored. Weights in half precision are converted to the variables' dtype.

    Args:
        target: one of the following:

            - a network of `released_model`, also with other classifiers or without the
              auxiliary head;
            - a built layer: `StripPooling` (released as `SPBlock`), `MixedPooling`
              (released as `StripPooling`), `HeightDrivenAttention` (released as
              `HANet_Conv`; a fixed encoding must equal the file's),
              `AggregationModule`, `ContextPriorLayer` (released as `CPHead`, whose
              bottleneck and classifier are ignored), or `SubPixelUpsample`, from the
              "weight" and "bias" of the `torch.nn.Conv2d` before a
              `torch.nn.PixelShuffle`, whose channels are reordered;
            - a pyramid of "resnet50_b", "resnet50_c", "resnet101_b" or "resnet101_c" at
              any output stride, with or without strip pooling, from the ImageNet
              checkpoints of torchvision, SPNet or HANet, whose classifier `fc` is
              ignored.
        state_dict: dict `{original key: array}` of NumPy arrays or PyTorch tensors.
            PyTorch is not required: `keras_seg.checkpoints.read_torch_file` reads its
            files.

    Raises:
        TypeError: If no released module corresponds to `target`, or if `state_dict` is
            not a dict.
        ValueError: If `target` is not built, if keys are missing or unused, or if
            shapes differ. The error lists all problems.

    Example:
        ```python
        model = released_model("spnet_resnet101", num_classes=150)
        load_torch_weights(model, read_torch_file("train_epoch_120.pth"))

        layer = keras_seg.layers.StripPooling()
        layer.build((None, None, None, 64))
        prefix = "pretrained.layer1.2.spm."
        load_torch_weights(
            layer,
            {k[len(prefix):]: v for k, v in checkpoint.items() if k.startswith(prefix)},
        )
        ```
    """
    state_dict = plain_state_dict(state_dict)
    if release := is_functional(target) and network_info(target).release:
        layers, tables = resolve(key_table(release), target)
        fill(target, layers, state_dict, tables=tables)
        return
    table = pyramid_keys(target, state_dict)
    if table is not None:
        layers, _ = resolve(table, target)
        fill(target, layers, state_dict, optional=("fc.weight", "fc.bias"))
        return
    if isinstance(target, SubPixelUpsample):
        state_dict = {
            f"conv.{key}": from_pixel_shuffle(array, target.scale)
            for key, array in state_dict.items()
        }
    if type(target) not in released_keys.BY_CLASS:
        known = ", ".join(cls.__name__ for cls in released_keys.BY_CLASS)
        raise TypeError(
            f"`target` must be one of: {known}; or a network of `released_model`: "
            f"{', '.join(RELEASES)}; or a pyramid of resnet50_b, resnet50_c, "
            f"resnet101_b or resnet101_c. Received: {type(target).__name__} "
            f"{getattr(target, 'name', '')!r}"
        )
    if not target.built:
        raise ValueError(
            f"`target` must be built before weights are loaded into it: call "
            f"{target.name}.build((None, None, None, channels)) first."
        )
    layers = released_keys.BY_CLASS[type(target)](target)
    tables = released_keys.fixed_tables(target)
    optional = released_keys.OPTIONAL.get(type(target), ())
    fill(target, layers, state_dict, optional, tables)
    if isinstance(target, HeightDrivenAttention):
        target.second_kernel_size = 3  # fixed in the release, for every kernel size
