"""Which tensors of a network are the levels of its feature pyramid."""

import math

import keras

# What may stand between a convolution and the one that follows it.
_POINTWISE = (
    keras.layers.Activation,
    keras.layers.BatchNormalization,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ZeroPadding2D,
)


def level_tensors(graph):
    """`{"level3": tensor, ...}`: what a network declares, else where it is cut.

    Where nothing is declared, the tensor of a level is the last with its stride that
    every path to the next level passes through. The expansion that opens an inverted
    residual block belongs to the block, not to the level before it, although every path
    passes through it where the block strides.

    Args:
        graph: `Graph`.
    """
    strides = graph.strides()
    levels = _cuts(graph, strides)
    # keras-cv's own digits are no strides in some families, so they are not read.
    for tensor in graph.declared:
        if _is_level(strides.get(id(tensor))):
            levels[_name(strides[id(tensor)])] = tensor
    return dict(sorted(levels.items()))


def _cuts(graph, strides):
    producers = graph.producers()
    passed = _passed(graph, producers)

    def last(indices, stride):
        """The last of some calls that gives a feature map of a stride."""
        for index in sorted(indices, reverse=True):
            for tensor in graph.calls[index].outputs:
                if strides.get(id(tensor)) == stride:
                    return index, tensor
        return None

    ends = [producers[id(tensor)] for tensor in graph.outputs]
    before_end = set.intersection(*(passed[index] for index in ends))
    ancestors = _ancestors(graph, producers, ends)
    found = {strides.get(id(t)) for i in ancestors for t in graph.calls[i].outputs}
    levels = {}
    for stride in sorted(filter(_is_level, found), reverse=True):
        place = last(before_end, stride)
        if place is None and not levels:
            # A decoder follows, to which maps of every size lead.
            place = last(ancestors, stride)
        if place is not None:
            levels[_name(stride)] = _block_output(graph, producers, strides, place[1])
            before_end = passed[place[0]] - {place[0]}
    return levels


def _passed(graph, producers):
    """For each call the indices of those that every path to it passes, with itself."""
    passed = []
    for index, call in enumerate(graph.calls):
        before = [producers[id(t)] for t in call.inputs if id(t) in producers]
        # The image leads to every call on it by a path that passes none.
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
    """The output of the block before, where a tensor is inside a block that strides."""
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
        return tensor  # it closes a depthwise separable convolution
    return start.inputs[0]


def _producer(graph, producers, tensor):
    index = producers.get(id(tensor))
    return None if index is None else graph.calls[index]


def _back(graph, producers, tensor, kinds):
    """The tensor before a chain of layers of some kinds that ends in `tensor`."""
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
