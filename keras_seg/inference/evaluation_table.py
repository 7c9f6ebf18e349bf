def evaluation_table(result):
    """What `evaluate` found, as lines of text.

    Args:
        result: dict that `evaluate` returned.

    Returns:
        str: a line for each class and one for the mean, in percent.

    Example: `print(evaluation_table(evaluate(model, batches, class_names)))`
    """
    lines = result["class_iou"] | {"mean IoU": result["mean_iou"]}
    return "\n".join(f"{name:>12}  {iou:6.1%}" for name, iou in lines.items())
