import inspect
from collections.abc import Callable
from typing import Any

import keras

from keras_seg.checkpoints import cpnet_release, hanet_release, spnet_release
from keras_seg.models.checks import require_classes
from keras_seg.models.network_info import state_release

# For each network: the function that builds it, and the one that returns its key table.
RELEASES: dict[str, tuple[Callable, Callable]] = {
    **dict.fromkeys(spnet_release.DEPTHS, (spnet_release.build, spnet_release.keys)),
    **dict.fromkeys(hanet_release.VARIANTS, (hanet_release.build, hanet_release.keys)),
    "cpnet_resnet50": (cpnet_release.build, cpnet_release.keys),
    "cpnet_head": (cpnet_release.build_head, cpnet_release.head_keys),
}


def released_model(
    name: str,
    num_classes: int,
    normalization: str | keras.layers.Layer | None = "imagenet",
    **kwargs: Any,
) -> keras.Model:
    """Builds a network exactly as its authors released it, for their checkpoints.

    The network is one of `keras_seg.models`, with the arguments that reproduce the
    computation of the authors' code at every image size: stem and dilation of the
    ResNet, PyTorch's padding on both sides, and the resizing of maps. Images are not
    padded to a multiple of the stride. Use `load_torch_weights` to load a checkpoint
    and `to_torch_state_dict` to write one. All networks have the auxiliary head of the
    checkpoints; `keras_seg.models.inference_model` removes it.

        name                        options and defaults
        spnet_resnet50, _resnet101  auxiliary_head=True
        hanet_resnet50_os8, _os16   reduction_ratio=None (64 at output stride 8, 32 at
        hanet_resnet101_os8, _os16  16, and 16 with MobileNetV2, as in the scripts),
        hanet_mobilenet_v2_os16     positions=False, auxiliary_head=True
        cpnet_resnet50              prior_size=(64, 64), filters=512, kernel_size=11,
                                    head_filters=512, auxiliary_head=True
        cpnet_head                  in_channels=2048, filters=512, head_filters=512,
                                    prior_size=(64, 64), kernel_size=11

    Args:
        name: str, one of the names above. It also becomes the name of the model. The
            model stores which release it belongs to, so it may be renamed.
        num_classes: int.
        normalization: "imagenet" for raw RGB in 0..255, None for images that are
            normalized already, or an unbuilt Keras layer. Ignored by "cpnet_head",
            which takes features.
        **kwargs: options of the network; see `keras_seg.models.HANet` and `CPNet`.

    Returns:
        A functional `keras.Model` from images `(batch, height, width, 3)` of any size
        to the dict of "segmentation" and "auxiliary", float32 logits
        `(batch, height, width, num_classes)`, or to the tensor "segmentation" without
        the auxiliary head. With `positions`, the inputs of a HANet are the pair of the
        image and integers `(batch, height)`. "cpnet_resnet50" has the additional output
        "context_prior", logits `(batch, N, N)`, where N is the product of `prior_size`,
        the size of the features of an image that is eight times as large. "cpnet_head"
        maps features `(batch, height, width, in_channels)` to "segmentation" at the
        size of the features, and to "context_prior".

    Raises:
        ValueError: If the network or an option is unknown, or for the reasons listed in
            `keras_seg.models.SPNet`, `HANet` and `CPNet`.

    Example:
        ```python
        model = released_model("spnet_resnet50", num_classes=150)
        load_torch_weights(model, read_torch_file("train_epoch_120.pth"))
        classes = model(images)["segmentation"].numpy().argmax(-1)
        ```

    References:
        The code of [Hou et al.](https://github.com/Andrew-Qibin/SPNet), [Choi et
        al.](https://github.com/shachoi/HANet) and [Yu et
        al.](https://github.com/yu-changqian/ContextPrior), 2020.
    """
    if name not in RELEASES:
        raise ValueError(
            f"`name` must be one of: {', '.join(RELEASES)}. Received: {name=}"
        )
    num_classes = require_classes(num_classes)
    build, _ = RELEASES[name]
    unknown = sorted(kwargs.keys() - set(options(name)))
    if unknown:
        raise ValueError(
            f"The options of {name!r} are: {', '.join(options(name))}. "
            f"Received: {', '.join(f'{key}={kwargs[key]!r}' for key in unknown)}"
        )
    model = build(name, num_classes, normalization, **kwargs)
    state_release(model, name)
    return model


def options(name):
    """Returns the names of the options of a network of `released_model`."""
    build, _ = RELEASES[name]
    _, _, _, *names = inspect.signature(build).parameters
    return names


def key_table(name):
    """Returns the key table of a network, `{original key: place in the model}`."""
    _, keys = RELEASES[name]
    return keys(name)
