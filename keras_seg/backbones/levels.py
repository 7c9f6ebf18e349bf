"""Selection of the tensors that are the levels of a feature pyramid."""

import math

import keras

# Layers that may stand between two successive convolutions.
_POINTWISE = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ZeroPadding2D,
)


def level_tensors(graph):
    """Returns the tensors of the levels that a network declares or that are found.

    If a network declares no tensor for a level, it is the last tensor with the level's
    stride that every path to the next level passes through. The expansion that opens an
    inverted residual block belongs to the block, not to the level before it, although
    in a strided block every path passes through it.

    Args:
        graph: `Graph`.

    Returns:
        dict `{"level3": tensor, ...}` in ascending order.
    """
    strides = graph.strides()
    levels = _cuts(graph, strides)
    # The level numbers of some keras-cv networks do not match their strides, so the
    # levels are named by their strides.
    for tensor in graph.declared:
        if _is_level(strides.get(id(tensor))):
            levels[_name(strides[id(tensor)])] = tensor
    return dict(sorted(levels.items()))


def _cuts(graph, strides):
    producers = graph.producers()
    passed = _passed(graph, producers)

    def last(indices, stride):
        """Returns the last of some calls whose output has the stride, or None."""
        for index in sorted(indices, reverse=True):
            for tensor in graph.calls[index].outputs:
                if strides.get(id(tensor)) == stride:
                    return index, tensor
        return None

    # Without those that are the image itself.
    ends = [producers[id(x)] for x in graph.outputs if id(x) in producers]
    before_end = set.intersection(*(passed[index] for index in ends)) if ends else set()
    ancestors = _ancestors(graph, producers, ends)
    found = {strides.get(id(t)) for i in ancestors for t in graph.calls[i].outputs}
    levels = {}
    for stride in sorted(filter(_is_level, found), reverse=True):
        place = last(before_end, stride)
        if place is None and not levels:
            # A decoder follows, with paths from feature maps of every size.
            place = last(ancestors, stride)
        if place is not None:
            levels[_name(stride)] = _block_output(graph, producers, strides, place[1])
            before_end = passed[place[0]] - {place[0]}
    return levels


def _passed(graph, producers):
    """Returns for each call the indices of the calls on every path to it, inclusive."""
    passed = []
    for index, call in enumerate(graph.calls):
        before = [producers[id(t)] for t in call.inputs if id(t) in producers]
        # A call on the image itself has a path that passes no other call.
        direct = any(id(tensor) == id(graph.image) for tensor in call.inputs)
        common = (
            set.intersection(*(passed[i] for i in before))
            if before and not direct
            else set()
        )
        passed.append(common | {index})
    return passed


def _ancestors(graph, producers, ends):
    found, pending = set(), list(ends)
    while pending:
        index = pending.pop()
        if index not in found:
            found.add(index)
            inputs = graph.calls[index].inputs
            pending += [producers[id(t)] for t in inputs if id(t) in producers]
    return found


def _block_output(graph, producers, strides, tensor):
    """Returns the previous block's output if a tensor is inside a strided block."""
    tensor = _back(graph, producers, tensor, keras.layers.ZeroPadding2D)
    start = _producer(graph, producers, _back(graph, producers, tensor, _POINTWISE))
    if not _is_pointwise_convolution(start) or not _leads_to_strided_depthwise(
        graph, strides, tensor
    ):
        return tensor
    before = _producer(
        graph, producers, _back(graph, producers, start.inputs[0], _POINTWISE)
    )
    if before and isinstance(before.operation, keras.layers.DepthwiseConv2D):
        return tensor  # the end of a depthwise separable convolution
    return start.inputs[0]


def _producer(graph, producers, tensor):
    index = producers.get(id(tensor))
    return None if index is None else graph.calls[index]


def _back(graph, producers, tensor, kinds):
    """Returns the tensor before the chain of layers of some kinds up to `tensor`."""
    call = _producer(graph, producers, tensor)
    while call and isinstance(call.operation, kinds):
        tensor = call.inputs[0]
        call = _producer(graph, producers, tensor)
    return tensor


def _is_pointwise_convolution(call):
    return (
        call is not None
        and isinstance(call.operation, keras.layers.Conv2D)
        and max(call.operation.kernel_size) == 1
    )


def _leads_to_strided_depthwise(graph, strides, tensor):
    consumers = graph.consumers()
    while len(following := consumers.get(id(tensor), [])) == 1:
        (call,) = following
        (output,) = call.outputs
        if isinstance(call.operation, keras.layers.DepthwiseConv2D):
            return strides.get(id(output), 0) > strides[id(tensor)]
        if not isinstance(call.operation, _POINTWISE):
            return False
        tensor = output
    return False


def _is_level(stride):
    return stride is not None and stride >= 2 and math.log2(stride).is_integer()


def _name(stride):
    return f"level{int(math.log2(stride))}"
