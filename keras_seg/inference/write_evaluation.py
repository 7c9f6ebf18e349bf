import json
import math
from collections.abc import Mapping
from typing import Any

from keras_seg.storage.replacing import replacing
from keras_seg.typing import PathLike


def write_evaluation(result: Mapping[str, Any], path: PathLike) -> None:
    """Writes the result of `evaluate` to a JSON file, with null for nan.

    JSON has no nan, and many programs cannot read the one that Python writes.

    Args:
        result: dict that `evaluate`, `evaluate_label_maps` or `evaluate_masks`
            returned.
        path: str or path of the file, also on another file system such as gs://.

    Raises:
        OSError: If the file cannot be written; an older one is then unchanged.

    Example:
        `write_evaluation(evaluate(model, batches, val.class_names), "evaluation.json")`
    """
    text = json.dumps(_without_nan(result), indent=2, allow_nan=False)
    with replacing(path) as unfinished:
        unfinished.write_text(text)


def _without_nan(value):
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, float) and math.isnan(value):
        return None
    return value
