import base64
import json
import time
import urllib.parse

import numpy as np

from .serving_error import ServingError

_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "RESOURCE_EXHAUSTED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",  # a proxy found no server
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_DTYPES = {"DT_UINT8": "uint8", "DT_INT32": "int32", "DT_FLOAT": "float32"}
_CHUNK = 1 << 20  # bytes


class OverRest:
    """Client of one model over TF Serving's REST API.

    Args:
        url: str, such as "http://localhost:8501", with a path if a proxy needs one.
        model: str. The model's name in the server.
        version: int, or None for the newest.
        max_message_bytes: int. The largest answer that is accepted.
        retries: int. How often a request is repeated.

    Raises:
        ImportError: If requests is not installed.

    Example:
        `OverRest("http://localhost:8501", "spnet", None, 1 << 28, retries=3)`
    """

    def __init__(self, url, model, version, max_message_bytes, retries):
        try:
            import requests

            from .rest_session import rest_session
        except ImportError as error:
            raise ImportError(
                "The client needs requests for REST: "
                f'pip install "keras-seg[serving]" ({error})'
            ) from error
        self._requests = requests
        self._session = rest_session
        self._url = f"{url.rstrip('/')}/v1/models/{urllib.parse.quote(model)}"
        if version is not None:
            self._url += f"/versions/{version}"
        self._max_message_bytes = max_message_bytes
        self._retries = retries
        self._signatures = None

    def predict(self, signature, inputs, timeout):
        """Returns the signature's output for `{name: array or list of bytes}`."""
        end = time.monotonic() + timeout
        dtype = self._output_dtype(signature, end)
        body = {
            "signature_name": signature,
            "inputs": {name: _to_json(value) for name, value in inputs.items()},
        }
        answer = self._request("POST", self._url + ":predict", end, body)
        # TF Serving omits the name of a single output.
        return np.array(answer["outputs"], dtype)

    def status(self, timeout):
        """Returns the model's versions as `{version: state}`."""
        answer = self._request("GET", self._url, time.monotonic() + timeout)
        return {
            int(version["version"]): version["state"]
            for version in answer["model_version_status"]
        }

    def close(self):
        """Does nothing, because each request has its own connection."""

    def _output_dtype(self, signature, end):
        # JSON does not contain the dtype, which never changes: requested once.
        if self._signatures is None:
            answer = self._request("GET", self._url + "/metadata", end)
            self._signatures = answer["metadata"]["signature_def"]["signature_def"]
        if signature not in self._signatures:
            raise ServingError(
                "FAILED_PRECONDITION",
                f'the model has no signature "{signature}"; it has '
                f"{sorted(self._signatures)}",
            )
        (output,) = self._signatures[signature]["outputs"].values()
        return _DTYPES[output["dtype"]]

    def _request(self, method, url, end, body=None):
        try:
            with self._session(end, self._retries) as (session, timeout):
                response = session.request(
                    method, url, json=body, timeout=timeout, stream=True
                )
                content = self._read(response, end)
        except self._requests.RequestException as error:
            # A timeout within an answer is reported as a broken connection.
            if isinstance(error, self._requests.Timeout) or time.monotonic() >= end:
                message = f"no complete answer from {url} in time"
                raise ServingError("DEADLINE_EXCEEDED", message) from error
            raise ServingError("UNAVAILABLE", str(error)) from error
        if response.status_code != 200:
            code = _CODES.get(response.status_code, "UNKNOWN")
            raise ServingError(code, _message(content, response))
        try:
            return json.loads(content)
        except ValueError as error:
            raise ServingError("UNKNOWN", f"the answer is not JSON: {error}") from error

    def _read(self, response, end):
        content = bytearray()
        # Read in chunks, so that the deadline is checked during a long answer.
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if len(content) > self._max_message_bytes:
                raise ServingError(
                    "RESOURCE_EXHAUSTED",
                    f"the answer has more than the {self._max_message_bytes} bytes "
                    "that `max_message_bytes` allows",
                )
            if time.monotonic() > end:
                raise self._requests.Timeout
        return content


def _to_json(value):
    if isinstance(value, list):
        return [{"b64": base64.b64encode(content).decode()} for content in value]
    return value.tolist()


def _message(content, response):
    try:
        return json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {response.status_code} {response.reason}"
