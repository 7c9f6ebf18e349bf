import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seg")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate schedule that rises linearly before it follows another schedule.

    At step `n`, counted from 0, the learning rate is that of the schedule times
    `min(1, (n + 1) / steps)`.

    Args:
        schedule: `keras.optimizers.schedules.LearningRateSchedule`.
        steps: int. The number of warmup steps; 0 for none.

    Raises:
        TypeError: If `schedule` is not a `LearningRateSchedule`.
        ValueError: If `steps` is negative.

    Example:
        ```python
        decay = keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=10_000)
        optimizer = keras_seg.training.AdamW(WarmUp(decay, steps=500))
        ```
    """

    def __init__(
        self, schedule: keras.optimizers.schedules.LearningRateSchedule, steps: int
    ) -> None:
        schedules = keras.optimizers.schedules
        if not isinstance(schedule, schedules.LearningRateSchedule):
            raise TypeError(
                "`schedule` must be a keras.optimizers.schedules.LearningRateSchedule. "
                f"Received: {schedule!r}"
            )
        if steps < 0:
            raise ValueError(f"`steps` must be 0 or more. Received: {steps=}")
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):
        rise = (ops.cast(step, "float32") + 1) / max(self.steps, 1)
        return self.schedule(step) * ops.minimum(rise, 1.0)

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["steps"])
