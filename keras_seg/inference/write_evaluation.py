import json
import math
import pathlib


def write_evaluation(result, path):
    """Writes what `evaluate` found to a JSON file, with null for nan.

    JSON has no nan: what Python writes for it other programs cannot read.

    Args:
        result: dict that `evaluate` returned.
        path: of the file.

    Raises:
        OSError: If it cannot be written.

    Example: `write_evaluation(evaluate(model, batches, names), "evaluation.json")`
    """
    text = json.dumps(_without_nan(result), indent=2, allow_nan=False)
    pathlib.Path(path).write_text(text)


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
