import datetime
import time
from collections.abc import Callable
from typing import Any

import keras

_UNTIMED = 2  # the first steps trace the model and compile its parts
_TIMED = 8


class TimeEstimate(keras.callbacks.Callback):
    """Prints an estimate of the total training time after the first steps.

    The estimate does not include validation and saving.

    Args:
        print_fn: callable that takes the line of text.

    Example:
        `model.fit(batches, epochs=2, callbacks=[TimeEstimate()])` prints, in the first
        epoch, a line such as "0.35 s a step: about 0:15:56 for 2730 steps".
    """

    def __init__(self, print_fn: Callable[[str], Any] = print) -> None:
        super().__init__()
        self.print_fn = print_fn
        self._told = False

    def on_epoch_begin(self, epoch, logs=None):
        self._epochs = self.params["epochs"] - epoch
        self._ends = []  # numbers and end times of this epoch's calls

    def on_train_batch_end(self, batch, logs=None):
        steps = self.params.get("steps")
        if self._told or not steps or steps <= _UNTIMED:
            return
        # With `steps_per_execution`, Keras calls this once for several steps.
        self._ends.append((batch + 1, time.perf_counter()))
        is_last = batch + 1 >= steps
        if len(self._ends) < _UNTIMED + _TIMED and not is_last:
            return
        if len(self._ends) <= _UNTIMED:
            return
        self._told = True
        (first, start), (last, end) = self._ends[_UNTIMED - 1], self._ends[-1]
        seconds = (end - start) / (last - first)
        left = steps * self._epochs
        total = datetime.timedelta(seconds=round(seconds * left))
        self.print_fn(f"\n{seconds:.2f} s a step: about {total} for {left} steps")
