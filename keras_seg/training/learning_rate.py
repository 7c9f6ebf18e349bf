import keras

from keras_seg.training.warm_up import WarmUp

_POWER = 0.9  # the exponent in all four papers
SCHEDULES = ("poly", "cosine")


def learning_rate(
    schedule: str, initial: float, steps: int, warmup: int = 0
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns a learning rate schedule that decays to 0.

    Args:
        schedule: "poly" for `initial * (1 - step / steps)^0.9`, as in the papers; or
            "cosine" for half a period of the cosine.
        initial: float. The initial learning rate.
        steps: int. The total number of training steps.
        warmup: int. The number of steps of linear warmup; see `WarmUp`.

    Returns:
        `keras.optimizers.schedules.LearningRateSchedule`.

    Raises:
        ValueError: If the schedule is unknown, `steps` is not positive, or `warmup`
            is negative.

    Example:
        `AdamW(learning_rate("cosine", 1e-3, steps=10_000, warmup=500))`
    """
    if schedule not in SCHEDULES:
        raise ValueError(
            f"`schedule` must be one of {', '.join(SCHEDULES)}. Received: {schedule!r}"
        )
    if not steps > 0:
        raise ValueError(f"`steps` must be positive. Received: {steps=}")
    if schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(initial, steps)
    else:
        rate = keras.optimizers.schedules.PolynomialDecay(
            initial, steps, end_learning_rate=0.0, power=_POWER
        )
    return WarmUp(rate, warmup)
