"""Parts of a network between which a single feature map is passed on."""

import itertools
import math

# Number of limits to the size of a part that are compared.
_STEPS = 20


def split(graph):
    """Splits the calls of a graph into parts that are each computed again.

    Between parts, a single tensor leads to all later calls. Of all splits, this one
    has about the smallest sum of the tensors between the parts, which are kept, and of
    those within the largest part, which are in memory together.

    Args:
        graph: `keras_seg.backbones.graph.Graph`.

    Returns:
        List of lists of `Call`.
    """
    pieces = _pieces(graph)
    total = sum(inside for _, inside, _ in pieces)
    largest = max(inside for _, inside, _ in pieces)
    splits = []
    for step in range(_STEPS):
        limit = largest * (total / largest) ** (step / _STEPS)
        kept, ends = _cheapest(pieces, limit)
        splits.append((kept + limit, ends))
    _, ends = min(splits)
    return [
        [call for calls, _, _ in pieces[start:end] for call in calls]
        for start, end in itertools.pairwise([0, *ends])
    ]


def _cheapest(pieces, limit):
    """Joins pieces into parts of at most `limit` elements, such that few are kept.

    Returns:
        Tuple of the number of elements between the parts, and the list of the indices
        at which parts end.
    """
    best = [(0, [])]
    for end in range(1, len(pieces) + 1):
        candidates, inside = [], 0
        for start in reversed(range(end)):
            inside += pieces[start][1]
            if inside > limit and start < end - 1:
                break
            kept, ends = best[start]
            candidates.append((kept + pieces[end - 1][2], [*ends, end]))
        best.append(min(candidates))
    return best[-1]


def _pieces(graph):
    """Returns the smallest possible parts.

    Returns:
        List of tuples: the calls, the number of elements of the tensors they compute,
        and that of the last one, to which all later calls lead back.
    """
    elements = {
        tensor: math.prod(spec.shape)
        for tensor, spec in graph.specs().items()
        if None not in spec.shape
    }
    last_use = {
        id(tensor): index
        for index, call in enumerate(graph.calls)
        for tensor in call.inputs
    }
    pieces, calls, inside, live = [], [], 0, {id(graph.image)}
    for index, call in enumerate(graph.calls):
        calls.append(call)
        outputs = [id(tensor) for tensor in call.outputs]
        inside += sum(elements.get(tensor, 0) for tensor in outputs)
        live |= {*outputs}
        live = {tensor for tensor in live if last_use.get(tensor, -1) > index}
        if len(live) <= 1:
            pieces.append((calls, inside, elements.get(*live, 0) if live else 0))
            calls, inside = [], 0
    return pieces
