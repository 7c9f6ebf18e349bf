"""HTTP sessions whose retries end at a deadline."""

import contextlib
import time

import requests
import urllib3
from requests.adapters import HTTPAdapter

_SHORTEST = 0.001  # seconds; urllib3 does not accept a timeout of 0


@contextlib.contextmanager
def rest_session(end, retries):
    """Opens a session that retries requests after temporary errors.

    A request is retried if no server answers, if a connection breaks, or if the status
    is 502 or 503, which TF Serving returns while it loads a model or its queue is full.
    The delay doubles each time, with a random part, so that not all clients call a
    restarted server at once.

    Args:
        end: float. The deadline, in seconds of `time.monotonic`.
        retries: int. The largest number of attempts after the first.

    Yields:
        Pair of a `requests.Session` and the timeout to pass to its requests.

    Example:
        ```python
        with rest_session(time.monotonic() + 30, retries=3) as (session, timeout):
            session.get("http://localhost:8501/v1/models/spnet", timeout=timeout)
        ```
    """
    policy = _RetryUntil(
        total=retries,
        status_forcelist=(502, 503),
        allowed_methods=None,  # also POST: a prediction changes nothing
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
    """Retries of urllib3 that stop at a deadline."""

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
    """Timeout of urllib3 that gives each attempt the remaining time."""

    def __init__(self, end):
        super().__init__(total=max(end - time.monotonic(), _SHORTEST))
        self._end = end

    def clone(self):
        return _TimeoutAt(self._end)
