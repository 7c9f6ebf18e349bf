"""Flat graph of the calls in a functional network, and facts read from it."""

import dataclasses
import math
import re
import typing

import keras

from keras_seg._keras_private import calls, takes_training
from keras_seg.backbones.opening import open_layer

# Image size in pixels for shape queries on networks that accept any size; a multiple
# of every stride in use.
PROBE = 512
# Two sizes, far enough apart to determine the strides.
_PROBES = (PROBE, 2 * PROBE)


@dataclasses.dataclass(eq=False)
class Call:
    """One call of a layer or operation, on symbolic tensors.

    `outputs` are the tensors that later calls have in their arguments.
    """

    operation: typing.Any
    name: str
    args: tuple
    kwargs: dict
    outputs: list

    @property
    def inputs(self):
        """Symbolic tensors among the arguments."""
        arguments = keras.tree.flatten((self.args, self.kwargs))
        return [value for value in arguments if isinstance(value, keras.KerasTensor)]


@dataclasses.dataclass(eq=False)
class Graph:
    """A network as a flat list of calls, in a runnable order.

    Nested models are opened, and so are layers that contain convolutions or poolings,
    such as keras-cv's `CrossStagePartial`, if their `call` runs on symbolic tensors.

    Attributes:
        image: the symbolic input.
        calls: list of `Call`.
        outputs: list of the network's symbolic outputs.
        declared: list of the tensors that the network, or a nested one, declares as its
            pyramid levels.
    """

    image: typing.Any
    calls: list = dataclasses.field(default_factory=list)
    outputs: list = dataclasses.field(default_factory=list)
    declared: list = dataclasses.field(default_factory=list)

    def keep(self, tensors):
        """Removes the calls that do not lead to any of the given tensors."""
        wanted, kept = {id(tensor) for tensor in tensors}, []
        for call in reversed(self.calls):
            if any(id(tensor) in wanted for tensor in call.outputs):
                wanted |= {id(tensor) for tensor in call.inputs}
                kept.append(call)
        self.calls = kept[::-1]

    def remove(self, call):
        """Removes a call that returns its input unchanged, unless it is an output."""
        (before,), (after,) = call.inputs, call.outputs
        if any(after is tensor for tensor in self.outputs):
            return
        self.calls.remove(call)
        for other in self.calls:
            other.args, other.kwargs = keras.tree.map_structure(
                lambda value: before if value is after else value,
                (other.args, other.kwargs),
            )

    def producers(self):
        """Returns `{tensor id: index of the call that produces it}`."""
        return {
            id(tensor): index
            for index, call in enumerate(self.calls)
            for tensor in call.outputs
        }

    def consumers(self):
        """Returns `{tensor id: calls that consume it}`."""
        consumers = {}
        for call in self.calls:
            for tensor in call.inputs:
                consumers.setdefault(id(tensor), []).append(call)
        return consumers

    def strides(self):
        """Returns `{tensor id: stride}` of the feature maps.

        The stride is the quotient of the differences between the symbolic sizes at two
        input sizes, so that borders cut off by "valid" convolutions do not count. For
        networks with a fixed input size, it is the power of two closest to the quotient
        of the sizes. Tensors that are not feature maps, such as pooled vectors, are
        left out.
        """
        axis = next((axis for axis in (1, 2) if self.image.shape[axis] is None), None)
        if axis is None:
            small, large = {}, self.sizes(1, None)
        else:
            small, large = (self.sizes(axis, size) for size in _PROBES)
        strides = {}
        for tensor, cells in large.items():
            growth = cells - small.get(tensor, 0)
            if growth <= 0 or cells == 1:
                continue
            stride = (large[id(self.image)] - small.get(id(self.image), 0)) / growth
            if axis is None:
                stride = 2.0 ** round(math.log2(stride))
            strides[tensor] = stride
        return strides

    def sizes(self, axis, size):
        """Returns `{tensor id: cells along an axis}` for an input size in pixels."""
        return {
            tensor: spec.shape[axis]
            for tensor, spec in self.specs(size).items()
            if len(spec.shape) == 4 and spec.shape[axis] is not None
        }

    def specs(self, size=PROBE):
        """Returns `{tensor id: symbolic tensor}` for one image of a size in pixels.

        Args:
            size: int, or None to leave sizes unknown. Networks with a fixed input size
                keep that size.
        """
        shape = [1, *self.image.shape[1:]]
        shape[1:3] = [size if cells is None else cells for cells in shape[1:3]]
        specs = {id(self.image): keras.KerasTensor(shape, dtype=self.image.dtype)}
        for call in self.calls:
            args, kwargs = substitute((call.args, call.kwargs), specs)
            outputs = keras.tree.flatten(_spec(call.operation, args, kwargs))
            specs |= zip(map(id, call.outputs), outputs, strict=True)
        return {
            tensor: spec
            for tensor, spec in specs.items()
            if isinstance(spec, keras.KerasTensor)
        }


def flatten(network):
    """Returns the `Graph` of a functional network with one input."""
    original = network.inputs[0]
    image = keras.KerasTensor(original.shape, original.dtype, name=original.name)
    graph = Graph(image)
    tensors = _run(network, [image], graph, taken=set())
    graph.outputs = [tensors[id(tensor)] for tensor in network.outputs]
    return graph


def substitute(arguments, tensors):
    """Replaces the symbolic tensors in arguments by those of `{id: tensor}`."""
    return keras.tree.map_structure(
        lambda value: (
            tensors[id(value)] if isinstance(value, keras.KerasTensor) else value
        ),
        arguments,
    )


def is_functional(operation):
    return isinstance(operation, keras.Model) and bool(
        getattr(operation, "inputs", None)
    )


def _run(network, inputs, graph, taken, prefix=None):
    """Appends a network's calls to a graph; returns `{original tensor id: tensor}`."""
    tensors = dict(zip(map(id, network.inputs), inputs, strict=True))
    for operation, arguments, originals in nodes(network):
        args, kwargs = substitute(arguments, tensors)
        outputs = _call(operation, args, kwargs, graph, taken, prefix)
        tensors |= zip(map(id, originals), outputs, strict=True)
    graph.declared += [
        tensors[id(tensor)] for tensor in _declared(network) if id(tensor) in tensors
    ]
    return tensors


def nodes(network):
    """Returns operation, arguments and outputs of each call, in a runnable order."""
    return calls(keras.Function(network.inputs, network.outputs))


def _call(operation, args, kwargs, graph, taken, prefix):
    if is_functional(operation):
        inner = keras.tree.flatten((args, kwargs))
        inner = [tensor for tensor in inner if isinstance(tensor, keras.KerasTensor)]
        tensors = _run(operation, inner, graph, taken, prefix)
        return [tensors[id(tensor)] for tensor in operation.outputs]
    opened = open_layer(operation, args, kwargs)
    if opened is not None:
        function, inner = opened
        tensors = _run(function, inner, graph, taken, _scoped(operation, prefix))
        return [tensors[id(tensor)] for tensor in function.outputs]
    operation, args, kwargs = _padding_layer(operation, args, kwargs)
    operation = _with_known_shape(operation, args)
    outputs = keras.tree.flatten(_spec(operation, args, kwargs))
    name = _free_name(operation, prefix, taken)
    graph.calls.append(Call(operation, name, args, kwargs, outputs))
    return outputs


def _padding_layer(operation, args, kwargs):
    """Replaces `keras.ops.pad` with zeros by the layer, whose border can be scaled."""
    if (
        type(operation).__name__ != "Pad"
        or operation.mode != "constant"
        or kwargs.get("constant_values")
        or len(args[0].shape) != 4
    ):
        return operation, args, kwargs
    widths = [tuple(pair) for pair in operation.pad_width]
    widths = widths * 4 if len(widths) == 1 else widths
    if widths[0] != (0, 0) or widths[3] != (0, 0):
        return operation, args, kwargs
    layer = keras.layers.ZeroPadding2D(
        tuple(widths[1:3]), name=operation.name, dtype=args[0].dtype
    )
    return layer, args[:1], {}


def _spec(operation, args, kwargs):
    if isinstance(operation, keras.Layer) and not takes_training(operation):
        kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    return operation.compute_output_spec(*args, **kwargs)


def _with_known_shape(operation, args):
    """Returns a runnable version of a reshape to `(batch size, ...)` within a layer.

    The layer read the batch size from a symbolic tensor, so it is None in the reshape.
    """
    batch, *shape = getattr(operation, "newshape", None) or [0]
    sizes = getattr(args[0], "shape", (None,))[1:] if args else (None,)
    if batch is not None or None in shape or None in sizes:
        return operation
    known = math.prod(cells for cells in shape if cells != -1)
    shape = [math.prod(sizes) // known if cells == -1 else cells for cells in shape]
    return type(operation)([-1, *shape], name=operation.name)


def _declared(network):
    """Returns the tensors that a keras-cv or keras-hub network declares as levels."""
    outputs = getattr(network, "pyramid_outputs", None)  # keras-hub
    if isinstance(outputs, dict):
        return list(outputs.values())
    levels = getattr(network, "pyramid_level_inputs", None)  # keras-cv
    if isinstance(levels, dict):
        return [network.get_layer(name).output for name in levels.values()]
    return []


def _free_name(operation, prefix, taken):
    """Returns an unused name for a call."""
    base = name = _scoped(operation, prefix)
    count = 0
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    return name


def _scoped(operation, prefix):
    """Returns the name of an operation, prefixed with that of its outer layer."""
    name = operation.name
    if prefix is None or name.startswith(prefix):
        return name
    kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(operation).__name__)
    kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
    # Keras numbers automatic names throughout the process; here each network restarts.
    automatic = re.fullmatch(rf"{kind}(_\d+)?", name)
    return f"{prefix}_{kind if automatic else name}"
