import random
import time

from .serving_error import ServingError

_FIRST_PAUSE = 0.1  # seconds


def with_retries(call, timeout, retries):
    """Calls until an answer comes, where trying again can help.

    That is where no server answers, or it says UNAVAILABLE as TF Serving does while it
    loads a model or its queue is full. Every other error is final. The pauses double
    each time, and vary so that clients of a server that comes back do not all call at
    once.

    Args:
        call: function `(seconds left) -> answer`, which raises `ServingError`.
        timeout: float. Seconds for all calls and pauses together.
        retries: int. How many more calls there may be after the first.

    Returns:
        The answer.

    Raises:
        ServingError: If a call fails for good, the last may, or time is up.

    Example: `with_retries(lambda left: ask(timeout=left), timeout=30, retries=3)`
    """
    end = time.monotonic() + timeout
    for attempt in range(retries + 1):
        try:
            return call(max(end - time.monotonic(), 0.001))
        except ServingError as error:
            pause = _FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1)
            in_time = time.monotonic() + pause < end
            if error.code != "UNAVAILABLE" or attempt == retries or not in_time:
                raise
        time.sleep(pause)
