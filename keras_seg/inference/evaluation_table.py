import math
from collections.abc import Mapping
from typing import Any


def evaluation_table(result: Mapping[str, Any]) -> str:
    """Formats the result of `evaluate` as a text table.

    Args:
        result: dict that `evaluate`, `evaluate_label_maps` or `evaluate_masks`
            returned.

    Returns:
        str: a line for each class with its share of the labeled pixels, IoU, accuracy
        and boundary F1; a line for the share of ignored pixels, if any; and a line for
        each overall measure, the mean IoU last. Values are in percent, with "-" for
        those without pixels.

    Example:
        `print(evaluation_table(evaluate(model, batches, val.class_names)))`
    """
    columns = {
        "pixels": result["class_share"],
        "IoU": result["class_iou"],
        "accuracy": result["class_accuracy"],
    }
    overall = {
        "pixel accuracy": result["pixel_accuracy"],
        "mean accuracy": result["mean_accuracy"],
    }
    if "frequency_weighted_iou" in result:
        overall["frequency-weighted IoU"] = result["frequency_weighted_iou"]
    if "boundary_f1" in result:
        columns["boundary F1"] = result["class_boundary_f1"]
        overall["boundary F1"] = result["boundary_f1"]
    overall["mean IoU"] = result["mean_iou"]
    if result["ignored_share"]:
        overall = {"ignored pixels": result["ignored_share"]} | overall

    names = [*result["class_iou"]]
    width = max(map(len, [*names, *overall]))
    head = "".join(f"  {title:>{_width(title)}}" for title in columns)
    lines = [f"{'':>{width}}{head}"]
    for name in names:
        cells = "".join(
            f"  {_percent(values[name]):>{_width(title)}}"
            for title, values in columns.items()
        )
        lines.append(f"{name:>{width}}{cells}")
    lines += [f"{name:>{width}}  {_percent(x):>6}" for name, x in overall.items()]
    return "\n".join(lines)


def _width(title):
    return max(len(title), len("100.0%"))


def _percent(value):
    return "-" if math.isnan(value) else f"{value:.1%}"
