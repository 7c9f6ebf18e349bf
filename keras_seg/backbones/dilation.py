"""Dilation of a network to an output stride below its own."""

import dataclasses

import keras

from keras_seg.backbones.dilated_pooling import DilatedPooling2D
from keras_seg.backbones.opening import SPATIAL_LAYERS, contained_layers
from keras_seg.backbones.rebuilding import copy
from keras_seg.backbones.same_padding import SamePadding2D

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
_POOLINGS = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
_UNDILATED = {  # operations of keras.ops
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "DepthwiseConv",
    "MaxPool",
    "SeparableConv",
}
_ATTENTION = (
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
)


def dilation(graph, output_stride, name):
    """Returns the `replacement` for `rebuild` that dilates a network to a stride.

    A layer that loses its stride gets the dilation reached so far, and the layers after
    it get that dilation times the lost stride. Each window starts where the strided one
    does, so the features at the positions that the strided network computes are
    unchanged, at every image size.

    Args:
        graph: `Graph`.
        output_stride: int.
        name: str, the network's name, for errors.

    Returns:
        Function `call -> list of layers`.

    Raises:
        ValueError: If a layer that would lose its stride, or one after it, cannot be
            dilated.
    """
    _remove_places(graph)
    strides = graph.strides()
    consumers = graph.consumers()
    producers = graph.producers()

    def stride_change(call):
        before = max((strides.get(id(tensor), 0) for tensor in call.inputs), default=0)
        after = max(strides.get(id(tensor), 0) for tensor in call.outputs)
        return _StrideChange(before, after, output_stride)

    def padded_window(call):
        """Returns a "valid" window that follows a padding layer, or None.

        Every layer that sees the padding must be such a window, of the same geometry.
        """
        following = consumers.get(id(call.outputs[0]), [])
        if not isinstance(call.operation, keras.layers.ZeroPadding2D) or not all(
            _is_window(after.operation) and after.operation.padding == "valid"
            for after in following
        ):
            return None
        kinds = {_geometry(after.operation) for after in following}
        return following[0] if len(kinds) == 1 else None

    def is_padded(call):
        index = producers.get(id(call.inputs[0]))
        return index is not None and padded_window(graph.calls[index]) is not None

    def replacement(call):
        operation, change = call.operation, stride_change(call)
        window = padded_window(call)
        if window is not None and stride_change(window).is_needed:
            return [_padding_before(call, window, stride_change(window))]
        if _is_window(operation):
            return _window(call, change, is_padded(call))
        return _scaled(call, change.rate)

    for call in graph.calls:
        change = stride_change(call)
        obstacle = change.is_needed and _obstacle(call, change)
        if obstacle:
            raise ValueError(
                f"`output_stride={output_stride}` cannot be reached by {name!r}: its "
                f"layer {call.name!r} ({type(call.operation).__name__}) {obstacle}, "
                "which cannot be dilated. Choose a larger output stride."
            )
    return replacement


def _remove_places(graph):
    """Removes a pyramid's placeholders for padding; `_window` adds them again."""
    names = {f"{call.name}_pad" for call in graph.calls}
    for call in list(graph.calls):
        if isinstance(call.operation, keras.layers.Identity) and call.name in names:
            graph.remove(call)


@dataclasses.dataclass
class _StrideChange:
    """Strides before and after a call in the network that is dilated."""

    before: float
    after: float
    output_stride: int

    @property
    def is_needed(self):
        return max(self.before, self.after) > self.output_stride

    @property
    def rate(self):
        """Dilation reached before the call."""
        return max(1, int(self.before // self.output_stride))

    @property
    def is_lost(self):
        return self.after > max(self.before, self.output_stride)

    @property
    def kept(self):
        """Stride that the call keeps."""
        now = min(self.before, self.output_stride)
        return int(min(self.after, self.output_stride) // now)


def _is_window(operation):
    return isinstance(operation, _CONVOLUTIONS + _POOLINGS)


def _size(operation):
    if isinstance(operation, _POOLINGS):
        return operation.pool_size
    return operation.kernel_size


def _geometry(operation):
    return (_size(operation), operation.strides, _reach(operation, 1))


def _reach(operation, rate):
    """Returns the distance from the first to the last cell of a window, per axis."""
    own = getattr(operation, "dilation_rate", (1, 1))
    return tuple(
        (cells - 1) * dilation * rate
        for cells, dilation in zip(_size(operation), own, strict=True)
    )


def _strides(operation, change):
    return (change.kept, change.kept) if change.is_lost else operation.strides


def _window(call, change, is_padded):
    if isinstance(call.operation, _POOLINGS):
        return [_pooling(call, change, is_padded)]
    if _may_need_padding(call.operation, is_padded):
        # Keras orders a model's variables by the depth of its layers, so every output
        # stride needs a layer here, even one that does nothing.
        name = f"{call.name}_pad"
        return [_padding(call, change, name), _convolution(call, change, is_padded)]
    return [_convolution(call, change, is_padded)]


def _pooling(call, change, is_padded):
    operation = call.operation
    if not change.is_needed:
        return copy(call)
    return DilatedPooling2D(
        "max" if isinstance(operation, keras.layers.MaxPooling2D) else "average",
        operation.pool_size,
        _strides(operation, change),
        change.rate,
        "same" if operation.padding == "same" else _end(operation, change, is_padded),
        operation.strides,
        name=call.name,
        dtype=operation.dtype_policy,
    )


def _convolution(call, change, is_padded):
    operation = call.operation
    changes = {"strides": _strides(operation, change)}
    if max(operation.kernel_size) > 1:
        changes["dilation_rate"] = [
            change.rate * own for own in operation.dilation_rate
        ]
    if change.is_needed and _may_need_padding(operation, is_padded):
        changes["padding"] = "valid"
    return copy(call, **changes)


def _padding(call, change, name):
    """Returns the padding layer in front of a convolution that may be dilated."""
    operation = call.operation
    options = {"name": name, "dtype": operation.dtype_policy.name}
    if not change.is_needed:
        return keras.layers.Identity(**options)
    if operation.padding == "valid":
        return keras.layers.ZeroPadding2D(_end(operation, change, False), **options)
    window = [cells + 1 for cells in _reach(operation, 1)]
    return SamePadding2D(window, operation.strides, change.rate, **options)


def _may_need_padding(operation, is_padded):
    """Returns True if a convolution, once dilated, needs a padding layer of its own."""
    if max(operation.kernel_size) == 1 or is_padded:
        return False
    if operation.padding == "valid":
        return max(operation.strides) > 1
    # "same" padding is centered for odd kernels without a stride.
    return max(operation.strides) > 1 or not _is_odd(operation)


def _is_odd(operation):
    return all(cells % 2 for cells in _size(operation))


def _end(operation, change, is_padded):
    """Returns the padding after a "valid" window.

    With it, the map ends where the strided windows end.
    """
    if is_padded or not change.is_lost:
        return ((0, 0), (0, 0))
    return tuple(
        (0, total * (min(cells, stride) - 1) // max(cells - 1, 1))
        for cells, stride, total in zip(
            _size(operation),
            operation.strides,
            _reach(operation, change.rate),
            strict=True,
        )
    )


def _padding_before(call, window, change):
    """Returns an explicit padding layer scaled to the dilated window after it."""
    if not change.is_lost:
        return _scaled(call, change.rate)[0]
    padding = []
    for (before, _), total in zip(
        call.operation.padding, _reach(window.operation, change.rate), strict=True
    ):
        before *= change.rate
        padding.append((before, max(total - before, 0)))
    return copy(call, padding=tuple(padding))


def _scaled(call, rate):
    """Returns a copy of a layer without windows; its borders grow with the dilation."""
    operation = call.operation
    if isinstance(operation, keras.layers.ZeroPadding2D):
        return [copy(call, padding=_times(operation.padding, rate))]
    if isinstance(operation, keras.layers.Cropping2D):
        return [copy(call, cropping=_times(operation.cropping, rate))]
    # These layers occur in a pyramid that is dilated further.
    if isinstance(operation, SamePadding2D):
        return [copy(call, rate=operation.rate * rate)]
    if isinstance(operation, DilatedPooling2D):
        padding = operation.padding
        if padding != "same":
            padding = _times(padding, rate)
        dilation_rate = operation.dilation_rate * rate
        return [copy(call, dilation_rate=dilation_rate, padding=padding)]
    return [copy(call)]


def _times(border, rate):
    return tuple((before * rate, after * rate) for before, after in border)


def _obstacle(call, change):
    """Returns why a call cannot be dilated, or None if it can."""
    operation, inside = call.operation, []
    if type(operation).__name__ in _UNDILATED or isinstance(
        operation, keras.layers.Conv2DTranspose
    ):
        return "has windows, but is no convolution or pooling layer"
    if isinstance(operation, keras.Layer):
        inside = contained_layers(operation)
    if 0 < change.after < change.before:
        return "enlarges the feature map"
    if _is_window(operation) and change.is_lost and len(set(operation.strides)) > 1:
        return f"has different strides per axis, {operation.strides}"
    if change.is_lost and not _is_window(operation):
        return "downsamples without being a convolution or pooling"
    if any(isinstance(layer, _ATTENTION) for layer in [operation, *inside]):
        return "attends to all positions, of which there would be more"
    if any(isinstance(layer, SPATIAL_LAYERS) for layer in inside):
        return "contains convolutions or poolings in a `call` that cannot be traced"
    if any(len(getattr(tensor, "shape", ())) == 3 for tensor in call.outputs):
        return "turns the feature map into a sequence"
    return None
