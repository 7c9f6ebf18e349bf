"""Sessions of requests whose retries end at a deadline."""

import contextlib
import time

import requests
import urllib3
from requests.adapters import HTTPAdapter

_SHORTEST = 0.001  # seconds: urllib3 takes no timeout of 0


@contextlib.contextmanager
def rest_session(end, retries):
    """A session that sends a request again where trying again can help.

    That is where no server answers, a connection breaks, or the status is 502 or 503,
    as TF Serving's is while it loads a model or its queue is full. The pauses double
    each time, and vary so that clients of a server that comes back do not all call at
    once.

    Args:
        end: float. The time by `time.monotonic` when everything ends.
        retries: int. How many more attempts there may be after the first.

    Yields:
        Pair of a `requests.Session` and the timeout to give its requests.

    Example:

    ```python
    with rest_session(time.monotonic() + 30, retries=3) as (session, timeout):
        session.get("http://localhost:8501/v1/models/spnet", timeout=timeout)
    ```
    """
    policy = _RetryUntil(
        total=retries,
        status_forcelist=(502, 503),
        allowed_methods=None,  # a prediction changes nothing, by POST either
        backoff_factor=0.1,
        backoff_jitter=0.1,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    policy.end = end
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=policy))
        yield session, _TimeoutAt(end)


class _RetryUntil(urllib3.Retry):
    """Retries of urllib3, which by themselves know of no deadline."""

    end = None

    def new(self, **changes):
        policy = super().new(**changes)
        policy.end = self.end
        return policy

    def increment(self, method=None, url=None, response=None, error=None, **where):
        if isinstance(error, urllib3.exceptions.ReadTimeoutError):
            raise error  # the time is up
        policy = super().increment(method, url, response, error, **where)
        if time.monotonic() + policy.get_backoff_time() >= self.end:
            raise urllib3.exceptions.MaxRetryError(where.get("_pool"), url, error)
        return policy


class _TimeoutAt(urllib3.Timeout):
    """A timeout of urllib3, which gives each attempt the time that is left."""

    def __init__(self, end):
        super().__init__(total=max(end - time.monotonic(), _SHORTEST))
        self._end = end

    def clone(self):
        return _TimeoutAt(self._end)
