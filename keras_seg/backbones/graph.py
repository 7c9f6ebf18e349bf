"""The calls that a functional network is made of, and facts read from them."""

import dataclasses
import math
import re
import typing

import keras

from keras_seg._keras_private import calls, layers_within, takes_training

# Pixels, a multiple of every stride in use: what sizes are asked for at where any is
# taken.
PROBE = 512
# Far enough apart to tell the strides.
_PROBES = (PROBE, 2 * PROBE)

# What a layer must contain to be worth looking into.
SPATIAL_LAYERS = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.MaxPooling2D,
    keras.layers.AveragePooling2D,
    keras.layers.ZeroPadding2D,
    keras.layers.Cropping2D,
    keras.layers.UpSampling2D,
)


@dataclasses.dataclass(eq=False)
class Call:
    """One call of a layer or operation, on symbolic tensors.

    `outputs` are the tensors that calls behind this one find in their arguments.
    """

    operation: typing.Any
    name: str
    args: tuple
    kwargs: dict
    outputs: list

    @property
    def inputs(self):
        """The symbolic tensors among the arguments."""
        arguments = keras.tree.flatten((self.args, self.kwargs))
        return [value for value in arguments if isinstance(value, keras.KerasTensor)]


@dataclasses.dataclass(eq=False)
class Graph:
    """A network as a flat list of calls, in an order in which they can be run.

    Models within the network are opened, and so are layers that contain convolutions or
    poolings of their own, such as keras-cv's `CrossStagePartial`, where their `call`
    runs on symbolic tensors.

    Attributes:
        image: the symbolic input.
        calls: list of `Call`.
        outputs: the network's symbolic outputs, flat.
        declared: tensors that the network, or one within it, names as its pyramid.
    """

    image: typing.Any
    calls: list = dataclasses.field(default_factory=list)
    outputs: list = dataclasses.field(default_factory=list)
    declared: list = dataclasses.field(default_factory=list)

    def keep(self, tensors):
        """Removes the calls that do not lead to any of some tensors."""
        wanted, kept = {id(tensor) for tensor in tensors}, []
        for call in reversed(self.calls):
            if any(id(tensor) in wanted for tensor in call.outputs):
                wanted |= {id(tensor) for tensor in call.inputs}
                kept.append(call)
        self.calls = kept[::-1]

    def remove(self, call):
        """Removes a call that gives what it takes, unless it is an output."""
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
        """`{tensor id: index of the call that gives it}`."""
        return {
            id(tensor): index
            for index, call in enumerate(self.calls)
            for tensor in call.outputs
        }

    def consumers(self):
        """`{tensor id: calls that take it}`."""
        consumers = {}
        for call in self.calls:
            for tensor in call.inputs:
                consumers.setdefault(id(tensor), []).append(call)
        return consumers

    def strides(self):
        """`{tensor id: stride}` of the feature maps.

        The stride is found from symbolic sizes at two sizes of the input, as the
        quotient of the differences, so that borders cut off by "valid" convolutions do
        not count. Networks of one fixed size have the power of two that is nearest to
        the quotient of the sizes. Pooled vectors and the like are left out.
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
        """`{tensor id: cells along an axis}` at a size of the input."""
        shape = [1, *self.image.shape[1:]]
        shape[1:3] = [size if cells is None else cells for cells in shape[1:3]]
        specs = {id(self.image): keras.KerasTensor(shape, dtype=self.image.dtype)}
        for call in self.calls:
            args, kwargs = substitute((call.args, call.kwargs), specs)
            outputs = keras.tree.flatten(_spec(call.operation, args, kwargs))
            specs |= zip(map(id, call.outputs), outputs, strict=True)
        return {
            tensor: spec.shape[axis]
            for tensor, spec in specs.items()
            if isinstance(spec, keras.KerasTensor)
            and len(spec.shape) == 4
            and spec.shape[axis] is not None
        }


def flatten(network):
    """The `Graph` of a functional network with one input."""
    original = network.inputs[0]
    image = keras.KerasTensor(original.shape, original.dtype, name=original.name)
    graph = Graph(image)
    tensors = _run(network, [image], graph, taken=set())
    graph.outputs = [tensors[id(tensor)] for tensor in network.outputs]
    return graph


def substitute(arguments, tensors):
    """Arguments with tensors of `{id: tensor}` in the places of symbolic ones."""
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


def contained_layers(layer):
    """The layers inside a layer, at every depth."""
    return [inner for inner in layers_within(layer) if inner is not layer]


def _run(network, inputs, graph, taken, prefix=None):
    """Appends the calls of a network to a graph; `{original tensor id: tensor}`."""
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
    """Operation, arguments and outputs of each call, in a runnable order."""
    return calls(keras.Function(network.inputs, network.outputs))


def _call(operation, args, kwargs, graph, taken, prefix):
    if is_functional(operation):
        inner = keras.tree.flatten((args, kwargs))
        inner = [tensor for tensor in inner if isinstance(tensor, keras.KerasTensor)]
        tensors = _run(operation, inner, graph, taken, prefix)
        return [tensors[id(tensor)] for tensor in operation.outputs]
    opened = _open(operation, args, kwargs)
    if opened is not None:
        function, inner = opened
        tensors = _run(function, inner, graph, taken, _scoped(operation, prefix))
        return [tensors[id(tensor)] for tensor in function.outputs]
    operation = _with_known_shape(operation, args)
    outputs = keras.tree.flatten(_spec(operation, args, kwargs))
    name = _free_name(operation, prefix, taken)
    graph.calls.append(Call(operation, name, args, kwargs, outputs))
    return outputs


def _open(layer, args, kwargs):
    """A layer that contains spatial layers as a function of its own, or None.

    So are others opened that consist of layers but have no configuration to be made
    anew from. A layer that only its own class can run stays closed: one with variables
    besides those layers', with code that needs actual tensors, or with another course
    in training.
    """
    if not isinstance(layer, keras.Layer):
        return None
    inside = contained_layers(layer)
    if not inside or not (
        any(isinstance(inner, SPATIAL_LAYERS) for inner in inside)
        or not _has_configuration(layer)
    ):
        return None
    theirs = {id(variable) for inner in inside for variable in inner.variables}
    if any(id(variable) not in theirs for variable in layer.variables):
        return None
    try:
        functions = [
            _trace(layer, args, kwargs | training)
            for training in _courses(layer, kwargs)
        ]
    except Exception:  # whatever a call does that symbolic tensors do not allow
        return None
    courses = {tuple(type(node[0]) for node in nodes(f)) for f, _ in functions}
    return functions[0] if len(courses) == 1 else None


def _has_configuration(layer):
    try:
        type(layer).from_config(layer.get_config())
    except Exception:  # parts of a layer are never saved alone, so it may not work
        return False
    return True


def _courses(layer, kwargs):
    """The arguments under which the `call` of a layer could run differently."""
    if takes_training(layer) and kwargs.get("training") is None:
        return [{}, {"training": True}, {"training": False}]
    return [{}]


def _trace(layer, args, kwargs):
    tensors = {}

    def placeholder(value):
        if not isinstance(value, keras.KerasTensor):
            return value
        if id(value) not in tensors:
            new = keras.Input(batch_shape=value.shape, dtype=value.dtype)
            tensors[id(value)] = (value, new)
        return tensors[id(value)][1]

    new_args, new_kwargs = keras.tree.map_structure(placeholder, (args, kwargs))
    outputs = keras.tree.flatten(layer.call(*new_args, **new_kwargs))
    originals, inputs = map(list, zip(*tensors.values(), strict=True))
    return keras.Function(inputs, outputs), originals


def _spec(operation, args, kwargs):
    if isinstance(operation, keras.Layer) and not takes_training(operation):
        kwargs = {name: value for name, value in kwargs.items() if name != "training"}
    return operation.compute_output_spec(*args, **kwargs)


def _with_known_shape(operation, args):
    """A reshape to `(batch size, ...)`, from within a layer, made one that can run.

    The batch size was read from the symbolic tensor, and so is None there.
    """
    batch, *shape = getattr(operation, "newshape", None) or [0]
    sizes = getattr(args[0], "shape", (None,))[1:] if args else (None,)
    if batch is not None or None in shape or None in sizes:
        return operation
    known = math.prod(cells for cells in shape if cells != -1)
    shape = [math.prod(sizes) // known if cells == -1 else cells for cells in shape]
    return type(operation)([-1, *shape], name=operation.name)


def _declared(network):
    """Tensors that a network of keras-cv or keras-hub names as its levels."""
    outputs = getattr(network, "pyramid_outputs", None)  # keras-hub
    if isinstance(outputs, dict):
        return list(outputs.values())
    levels = getattr(network, "pyramid_level_inputs", None)  # keras-cv
    if isinstance(levels, dict):
        return [network.get_layer(name).output for name in levels.values()]
    return []


def _free_name(operation, prefix, taken):
    """A name of its own for a call."""
    base = name = _scoped(operation, prefix)
    count = 0
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    return name


def _scoped(operation, prefix):
    """The name of an operation, with that of the layer it is part of in front."""
    name = operation.name
    if prefix is None or name.startswith(prefix):
        return name
    kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(operation).__name__)
    kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
    # Keras's automatic names count on through the process; ours start anew.
    automatic = re.fullmatch(rf"{kind}(_\d+)?", name)
    return f"{prefix}_{kind if automatic else name}"
