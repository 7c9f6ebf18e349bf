from keras_seg.checkpoints import released_keys
from keras_seg.checkpoints.torch_layers import (
    fill,
    from_pixel_shuffle,
    without_prefix,
)
from keras_seg.layers import HeightDrivenAttention, SubPixelUpsample


def load_torch_weights(target, state_dict):
    """Fills a layer or a backbone with weights that the papers' authors released.

    Nothing is set unless everything fits: every key of `state_dict` must be used,
    every variable of `target` set, and every shape agree. A "module." prefix, as
    `torch.nn.DataParallel` writes it, is stripped, and `num_batches_tracked`, which
    has no counterpart, is left out.

    Args:
        target: A built layer: `StripPooling` (released as `SPBlock`), `MixedPooling`
            (released as `StripPooling`) or `HeightDrivenAttention` (released as
            `HANet_Conv`), whose fixed encoding must be the file's, `AggregationModule`
            or `ContextPriorLayer` (released as `CPHead`, whose bottleneck and
            classifier are left out); `SubPixelUpsample`, from the "weight" and "bias"
            of the `torch.nn.Conv2d` before a `torch.nn.PixelShuffle`, whose channels
            are put into its order; or a pyramid of "resnet50_c" or "resnet101_c" at
            any output stride, with strip pooling or without (the ResNet of SPNet's
            release, or of HANet's), where the ImageNet classifier `fc` is left out.
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
    if released_keys.is_resnet_c(target):
        layers = released_keys.resnet_c(target, state_dict)
        fill(target, layers, state_dict, optional=("fc.weight", "fc.bias"))
        return
    if isinstance(target, SubPixelUpsample):
        state_dict = {
            f"conv.{key}": from_pixel_shuffle(array, target.scale)
            for key, array in without_prefix(state_dict).items()
        }
    if type(target) not in released_keys.BY_CLASS:
        known = ", ".join(cls.__name__ for cls in released_keys.BY_CLASS)
        raise TypeError(
            f"`target` must be one of: {known}, or a pyramid of resnet50_c or "
            f"resnet101_c. Received: {type(target).__name__}"
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
        target.second_kernel_size = 3  # as released, whatever its kernel size
