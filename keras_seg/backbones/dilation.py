"""Output strides below a network's own, by dilation."""

import keras

from keras_seg.backbones.graph import producers, strides
from keras_seg.backbones.rewriting import copy_layer

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)


def dilation(network, output_stride):
    """The `replacement` for `rebuild` that dilates a network to an output stride.

    Where a stride becomes 1, the layer that had it takes the dilation reached so far,
    and the layers behind it the dilation times the stride: so the features at the
    places that the strided network keeps stay what they were. Explicit zero padding
    before a "valid" convolution grows with the convolution's reach.

    Raises:
        ValueError: If a layer that would lose its stride cannot be dilated.
    """
    stride_of = strides(network)
    inputs_of = producers(network)
    consumer_of = {
        name: operation
        for operation in network.operations
        for name in inputs_of[operation.name]
    }

    def stride_before(layer):
        return max(stride_of.get(name, 0) for name in inputs_of[layer.name])

    def loses_stride(layer):
        after = stride_of.get(layer.name, 0)
        return after > max(output_stride, stride_before(layer))

    def replacement(layer):
        # The dilation reached so far: the input's stride over what is allowed.
        rate = max(1, int(stride_before(layer) // output_stride))
        if isinstance(layer, _CONVOLUTIONS):
            return _dilated(layer, rate, loses_stride(layer))
        if isinstance(layer, keras.layers.ZeroPadding2D):
            convolution = consumer_of.get(layer.name)
            if isinstance(convolution, _CONVOLUTIONS):
                changed = rate > 1 or loses_stride(convolution)
                return (
                    _padded(layer, convolution, rate) if changed else copy_layer(layer)
                )
        # A pooling window has no dilation rate, with or without a stride.
        if loses_stride(layer) or (rate > 1 and hasattr(layer, "pool_size")):
            raise ValueError(
                f"`output_stride={output_stride}` is out of reach for "
                f"{network.name!r}: its layer {layer.name!r} "
                f"({type(layer).__name__}) strides and cannot be dilated."
            )
        return copy_layer(layer)

    return replacement


def _dilated(layer, rate, loses_stride):
    changes = {}
    if loses_stride:
        changes["strides"] = (1, 1)
    if max(layer.kernel_size) > 1:
        changes["dilation_rate"] = tuple(rate * own for own in layer.dilation_rate)
    return copy_layer(layer, **changes)


def _padded(layer, convolution, rate):
    """Padding that keeps the size, with the first tap where the strided one had it."""
    padding = []
    for (before, _), taps, own in zip(
        layer.padding, convolution.kernel_size, convolution.dilation_rate, strict=True
    ):
        total = (taps - 1) * own * rate
        padding.append((before * rate, total - before * rate))
    return copy_layer(layer, padding=tuple(padding))
