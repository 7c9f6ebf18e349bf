"""Output strides below a network's own, by dilation."""

import dataclasses

import keras

from keras_seg.backbones.dilated_pooling import DilatedPooling2D
from keras_seg.backbones.graph import SPATIAL_LAYERS, contained_layers
from keras_seg.backbones.rebuilding import copy
from keras_seg.backbones.same_padding import SamePadding2D

_CONVOLUTIONS = (
    keras.layers.Conv2D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
)
_POOLINGS = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
_ATTENTION = (
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
)


def dilation(graph, output_stride, name):
    """The `replacement` for `rebuild` that dilates a network to an output stride.

    Where a layer loses its stride, it takes the dilation reached so far, and the layers
    behind it the dilation times the stride, and each window starts where the strided
    one does: so the features at the places that the strided network keeps stay what
    they were, at every size of the image.

    Args:
        graph: `Graph`.
        output_stride: int.
        name: the network's name, for errors.

    Raises:
        ValueError: If a layer that would lose its stride, or that is behind one,
            cannot be dilated.
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
        """A call of the "valid" windows that alone see the padding of a call."""
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
                f"`output_stride={output_stride}` is out of reach for {name!r}: its "
                f"layer {call.name!r} ({type(call.operation).__name__}) {obstacle}, "
                "which cannot be dilated."
            )
    return replacement


def _remove_places(graph):
    """Removes what a pyramid has in the place of padding; it is put there anew."""
    names = {f"{call.name}_pad" for call in graph.calls}
    for call in list(graph.calls):
        if isinstance(call.operation, keras.layers.Identity) and call.name in names:
            graph.remove(call)


@dataclasses.dataclass
class _StrideChange:
    """What happens to the stride at a call: before and behind it, as it was."""

    before: float
    after: float
    output_stride: int

    @property
    def is_needed(self):
        return max(self.before, self.after) > self.output_stride

    @property
    def rate(self):
        """The dilation reached so far."""
        return max(1, int(self.before // self.output_stride))

    @property
    def is_lost(self):
        return self.after > max(self.before, self.output_stride)

    @property
    def kept(self):
        """What is left of the call's own stride."""
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
    """The cells from the first to the last of a window, per axis."""
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
        # At every output stride there is a layer in this place, if one that does
        # nothing: Keras orders a model's variables by the depth of its layers.
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
    """What a convolution needs in front of it where it is dilated."""
    operation = call.operation
    if not change.is_needed:
        return keras.layers.Identity(name=name)
    if operation.padding == "valid":
        return keras.layers.ZeroPadding2D(_end(operation, change, False), name=name)
    window = [cells + 1 for cells in _reach(operation, 1)]
    return SamePadding2D(window, operation.strides, change.rate, name=name)


def _may_need_padding(operation, is_padded):
    """Whether a convolution, once dilated, cannot be padded by itself as before."""
    if max(operation.kernel_size) == 1 or is_padded:
        return False
    if operation.padding == "valid":
        return max(operation.strides) > 1
    # "same" centres what has no stride and an odd number of cells.
    return max(operation.strides) > 1 or not _is_odd(operation)


def _is_odd(operation):
    return all(cells % 2 for cells in _size(operation))


def _end(operation, change, is_padded):
    """Padding behind a "valid" window: the map ends where the strided windows end."""
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
    """Explicit padding that grows with the reach of the window it is for."""
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
    """A layer that is no window, with borders that grow with the dilation."""
    operation = call.operation
    if isinstance(operation, keras.layers.ZeroPadding2D):
        return [copy(call, padding=_times(operation.padding, rate))]
    if isinstance(operation, keras.layers.Cropping2D):
        return [copy(call, cropping=_times(operation.cropping, rate))]
    # The rest is of a pyramid that is dilated further.
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
    """Why a call cannot follow, or None where it treats every place by itself."""
    operation, inside = call.operation, []
    if isinstance(operation, keras.Layer):
        inside = contained_layers(operation)
    if 0 < change.after < change.before:
        return "makes the map larger"
    if _is_window(operation) and change.is_lost and len(set(operation.strides)) > 1:
        return f"has the strides {operation.strides}"
    if change.is_lost and not _is_window(operation):
        return "strides in a way of its own"
    if any(isinstance(layer, _ATTENTION) for layer in [operation, *inside]):
        return "attends to all places, of which there would be more"
    if any(isinstance(layer, SPATIAL_LAYERS) for layer in inside):
        return "contains convolutions or poolings in a `call` that cannot be opened"
    if any(len(getattr(tensor, "shape", ())) == 3 for tensor in call.outputs):
        return "makes a sequence of the map"
    return None
