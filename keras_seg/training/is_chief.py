from keras_seg.training.worker import worker


def is_chief() -> bool:
    """Returns whether this machine is the chief of those that train together.

    The chief alone writes files and prints. A machine that trains alone is the chief.

    Raises:
        ValueError: If `TF_CONFIG` has tasks other than workers and one chief.

    Example:
        `model.fit(batches, verbose="auto" if is_chief() else 0)`
    """
    return worker()[0] == 0
