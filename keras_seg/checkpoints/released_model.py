import inspect

from keras_seg.checkpoints import cpnet_release, hanet_release, spnet_release
from keras_seg.models.checks import require_classes
from keras_seg.models.network_info import state_release

# Of each network: the function that builds it, and the one that gives its key table.
RELEASES = {
    **dict.fromkeys(spnet_release.DEPTHS, (spnet_release.build, spnet_release.keys)),
    **dict.fromkeys(hanet_release.VARIANTS, (hanet_release.build, hanet_release.keys)),
    "cpnet_resnet50": (cpnet_release.build, cpnet_release.keys),
    "cpnet_head": (cpnet_release.build_head, cpnet_release.head_keys),
}


def released_model(name, num_classes, normalization="imagenet", **kwargs):
    """A network exactly as its authors released it, for their checkpoints.

    It is one of `keras_seg.models`, with the arguments that give the mathematics of the
    authors' code at every size of the image: the stem and the dilation of the ResNet,
    padding on both sides as PyTorch does, and how maps are resized. Nothing is padded
    to sizes that divide. `load_torch_weights` fills it, `to_torch_state_dict` gives its
    weights back. All networks come with the auxiliary head that the checkpoints have;
    `keras_seg.models.inference_model` leaves it out.

        name                        options, and their defaults
        spnet_resnet50, _resnet101  auxiliary_head=True
        hanet_resnet50_os8, _os16   reduction_ratio: None, for 64 at output stride 8,
        hanet_resnet101_os8, _os16  32 at 16 and 16 with MobileNetV2, as in the
        hanet_mobilenet_v2_os16     scripts; positions=False; auxiliary_head=True
        cpnet_resnet50              prior_size=(64, 64), filters=512, kernel_size=11,
                                    head_filters=512, auxiliary_head=True
        cpnet_head                  in_channels=2048, filters=512, head_filters=512,
                                    prior_size=(64, 64), kernel_size=11

    Args:
        name: str, one of those above. The model bears it, and knows by itself whose
            keys `load_torch_weights` finds, under whatever name.
        num_classes: int.
        normalization: "imagenet" for raw RGB in 0..255, None for the network's own
            input, which is normalised already, or an unbuilt Keras layer. "cpnet_head",
            which takes features, has none.
        **kwargs: the options of the network: see `keras_seg.models.HANet` and `CPNet`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, 3)` of any size to the
        dict of "segmentation" and "auxiliary", float32 logits `(batch, height, width,
        num_classes)`; to the tensor "segmentation" alone without the auxiliary head.
        With `positions` a HANet's inputs are the pair of the image and integers
        `(batch, height)`. "cpnet_resnet50" has "context_prior" too, the logits `(batch,
        N, N)`, N the product of `prior_size`, which the features of an image of eight
        times that size have. "cpnet_head" is from features `(batch, height, width,
        in_channels)` to "segmentation" at the features' size, and "context_prior".

    Raises:
        ValueError: If no such network is known, if it has no such option, or as
            `keras_seg.models.SPNet`, `HANet` and `CPNet`.

    Example:

    ```python
    model = released_model("spnet_resnet50", num_classes=150)
    load_torch_weights(model, read_torch_file("train_epoch_120.pth"))
    classes = model(images)["segmentation"].numpy().argmax(-1)
    ```

    Reference: the code of [Hou et al.](https://github.com/Andrew-Qibin/SPNet), [Choi et
    al.](https://github.com/shachoi/HANet) and [Yu et
    al.](https://github.com/yu-changqian/ContextPrior), 2020.
    """
    if name not in RELEASES:
        raise ValueError(
            f"`name` must be one of: {', '.join(RELEASES)}. Received: {name=}"
        )
    require_classes(num_classes)
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
    """The names of what a network of `released_model` can be given."""
    build, _ = RELEASES[name]
    _, _, _, *names = inspect.signature(build).parameters
    return names


def key_table(name):
    """The key table of a network, `{original key: place in the model}`."""
    _, keys = RELEASES[name]
    return keys(name)
