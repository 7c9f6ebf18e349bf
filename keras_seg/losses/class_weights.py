import math
import operator
from collections.abc import Mapping, Sequence

import numpy as np


def require_class_weights(class_weights):
    """Returns class weights as a list of floats, or None if there are none.

    Args:
        class_weights: sequence with one weight for each class; dict `{class: weight}`
            with the keys 0, 1 and so on, without gaps; or None.

    Returns:
        List of floats, or None.

    Raises:
        ValueError: If `class_weights` is anything else, if keys are missing or are not
            classes, if a weight is negative or not finite, or if all weights are 0.

    Example:
        `require_class_weights({1: 0.9, 0: 0.1})` is `[0.1, 0.9]`.
    """
    if class_weights is None:
        return None
    if isinstance(class_weights, Mapping):
        values = _in_order(class_weights)
    elif isinstance(class_weights, np.ndarray) and class_weights.ndim == 1:
        values = class_weights.tolist()
    elif isinstance(class_weights, Sequence) and not isinstance(class_weights, str):
        values = list(class_weights)
    else:
        remedy = ""
        if isinstance(class_weights, str) and class_weights == "balanced":
            remedy = (
                " Compute weights from a data set with "
                "keras_seg.data.balanced_class_weights(dataset)."
            )
        raise ValueError(
            "`class_weights` must be a sequence with one weight for each class, a dict "
            f"{{class: weight}} or None. Received: {class_weights!r}.{remedy}"
        )
    try:
        weights = [float(value) for value in values]
    except (TypeError, ValueError):
        weights = [math.nan]
    if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise ValueError(
            "`class_weights` must be finite numbers of at least 0, not all 0. "
            f"Received: {class_weights!r}"
        )
    return weights


def _in_order(class_weights):
    try:
        by_class = {operator.index(key): x for key, x in class_weights.items()}
    except TypeError:
        by_class = {}
    if sorted(by_class) != list(range(len(class_weights))) or not by_class:
        raise ValueError(
            "The keys of `class_weights` must be the classes 0, 1 and so on, without "
            f"gaps. Received the keys {list(class_weights)}"
        )
    return [by_class[index] for index in range(len(by_class))]
