"""Tensors in the JSON of TF Serving's REST API."""

import base64
import binascii

import numpy as np

from keras_seg.export.serve.request_error import RequestError


def from_rows(rows, specs):
    """Inputs out of "instances": a list with a value, or a dict of them, for each.

    Args:
        rows: what the JSON has for "instances".
        specs: dict `{name: tf.TensorSpec}` of the signature's inputs.

    Returns:
        Dict `{name: array}`.

    Raises:
        RequestError: If it is nothing of that.

    Example: `from_rows([{"b64": "iVBORw0="}], {"images": spec})`
    """
    if not isinstance(rows, list) or not rows:
        raise _invalid('"instances" must be a list of at least one value')
    # A value without a name, where there is one input; {"b64": ...} is no name.
    if not all(isinstance(row, dict) and row.keys() != {"b64"} for row in rows):
        name = _only(specs)
        return {name: _array(name, rows, specs[name])}
    names = rows[0].keys()
    if any(row.keys() != names for row in rows):
        raise _invalid('All of "instances" must have the same names')
    return from_columns({name: [row[name] for row in rows] for name in names}, specs)


def from_columns(columns, specs):
    """Inputs out of "inputs": a dict of values by name, or the value of the only one.

    Args:
        columns: what the JSON has for "inputs".
        specs: dict `{name: tf.TensorSpec}` of the signature's inputs.

    Returns:
        Dict `{name: array}`.

    Raises:
        RequestError: If it is nothing of that.

    Example: `from_columns({"images": [{"b64": "iVBORw0="}]}, {"images": spec})`
    """
    if not isinstance(columns, dict):
        columns = {_only(specs): columns}
    if columns.keys() != specs.keys():
        raise _invalid(f"The inputs are {sorted(specs)}. Received: {sorted(columns)}")
    return {name: _array(name, value, specs[name]) for name, value in columns.items()}


def to_rows(outputs):
    """What answers "instances": a list with a value, or a dict of them, for each.

    Args:
        outputs: dict `{name: array}`, with the batch as first axis.

    Returns:
        List. Values have no name where there is one output.

    Example: `to_rows({"classes": np.zeros((2, 4, 6))})` has two lists of lists.
    """
    lists = {name: value.tolist() for name, value in outputs.items()}
    if len(lists) == 1:
        return next(iter(lists.values()))
    return [
        dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)
    ]


def to_columns(outputs):
    """What answers "inputs": a dict of values by name, or the value of the only one.

    Args:
        outputs: dict `{name: array}`.

    Returns:
        Dict of lists, or a list.

    Example: `to_columns({"classes": np.zeros((2, 4, 6))})` is a list of two.
    """
    lists = {name: value.tolist() for name, value in outputs.items()}
    return next(iter(lists.values())) if len(lists) == 1 else lists


def _invalid(message):
    return RequestError("INVALID_ARGUMENT", message)


def _only(specs):
    if len(specs) != 1:
        raise _invalid(f"The values of inputs must have their names: {sorted(specs)}")
    return next(iter(specs))


def _array(name, value, spec):
    if spec.dtype == "string":
        return np.array(_strings(name, value), dtype=object)
    try:
        array = np.array(value)
    except ValueError as error:  # lists of different lengths
        raise _invalid(f'"{name}" is no tensor: {error}') from error
    wanted = spec.dtype.as_numpy_dtype
    kinds = "iu" if spec.dtype.is_integer else "iuf"
    if array.dtype.kind not in kinds:
        raise _invalid(f'"{name}" must be {spec.dtype.name}. Received: {array.dtype}')
    if spec.dtype.is_integer and array.size:
        limits = np.iinfo(wanted)
        if array.min() < limits.min or array.max() > limits.max:
            raise _invalid(f'"{name}" has numbers that {spec.dtype.name} has not')
    return array.astype(wanted)


def _strings(name, value):
    if isinstance(value, list):
        return [_strings(name, each) for each in value]
    if isinstance(value, dict) and value.keys() == {"b64"}:
        try:
            return base64.b64decode(value["b64"], validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise _invalid(f'"{name}" has no base64 in "b64": {error}') from error
    if isinstance(value, str):
        return value.encode()
    raise _invalid(f'"{name}" must have strings or {{"b64": ...}}')
