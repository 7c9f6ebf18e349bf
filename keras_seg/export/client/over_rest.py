import base64
import http.client
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
    502: "UNAVAILABLE",  # a proxy that found no server
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_DTYPES = {"DT_UINT8": "uint8", "DT_INT32": "int32", "DT_FLOAT": "float32"}
_CHUNK = 1 << 20


class OverRest:
    """One model behind TF Serving's REST API, by Python's standard library.

    Args:
        url: str, such as "http://localhost:8501", with a path where a proxy wants one.
        model: str. The model's name in the server.
        version: int, or None for the newest.
        max_message_bytes: int. The largest answer that is read.

    Example: `OverRest("http://localhost:8501", "spnet", None, 1 << 28)`
    """

    def __init__(self, url, model, version, max_message_bytes):
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "https"
        self._connect = (
            http.client.HTTPSConnection if secure else http.client.HTTPConnection
        )
        self._host, self._port = parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/v1/models/{urllib.parse.quote(model)}"
        if version is not None:
            self._path += f"/versions/{version}"
        self._max_message_bytes = max_message_bytes
        self._signatures = None

    def predict(self, signature, inputs, timeout):
        """Array of the signature's one output, for `{name: array or list of bytes}`."""
        end = time.monotonic() + timeout
        dtype = self._output_dtype(signature, timeout)
        body = {
            "signature_name": signature,
            "inputs": {name: _to_json(value) for name, value in inputs.items()},
        }
        body = json.dumps(body).encode()
        left = max(end - time.monotonic(), 0.001)
        answer = self._request("POST", self._path + ":predict", body, left)
        # Of a single output the values come without its name.
        return np.array(answer["outputs"], dtype)

    def status(self, timeout):
        """`{version: state}` of the model's versions."""
        answer = self._request("GET", self._path, None, timeout)
        return {
            int(version["version"]): version["state"]
            for version in answer["model_version_status"]
        }

    def close(self):
        """There is a connection for each request, which ends with it."""

    def _output_dtype(self, signature, timeout):
        # JSON does not tell it, and it does not change: asked for once.
        if self._signatures is None:
            answer = self._request("GET", self._path + "/metadata", None, timeout)
            self._signatures = answer["metadata"]["signature_def"]["signature_def"]
        if signature not in self._signatures:
            raise ServingError(
                "FAILED_PRECONDITION",
                f'the model has no signature "{signature}", but '
                f"{sorted(self._signatures)}",
            )
        (output,) = self._signatures[signature]["outputs"].values()
        return _DTYPES[output["dtype"]]

    def _request(self, method, path, body, timeout):
        end = time.monotonic() + timeout
        connection = self._connect(self._host, self._port, timeout=timeout)
        try:
            headers = {"Content-Type": "application/json"} if body else {}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = self._read(response, end)
        except TimeoutError as error:
            message = f"no answer from {self._host} in {timeout:.1f} seconds"
            raise ServingError("DEADLINE_EXCEEDED", message) from error
        except (OSError, http.client.HTTPException) as error:
            message = f"{self._host}:{connection.port}: {error or type(error).__name__}"
            raise ServingError("UNAVAILABLE", message) from error
        finally:
            connection.close()
        if response.status != 200:
            code = _CODES.get(response.status, "UNKNOWN")
            raise ServingError(code, _message(content, response))
        try:
            return json.loads(content)
        except ValueError as error:
            raise ServingError("UNKNOWN", f"the answer is no JSON: {error}") from error

    def _read(self, response, end):
        content = bytearray()
        # To the end of the answer, but not for longer than the deadline allows.
        while chunk := response.read(_CHUNK):
            content += chunk
            if len(content) > self._max_message_bytes:
                raise ServingError(
                    "RESOURCE_EXHAUSTED",
                    f"the answer has more than {self._max_message_bytes} bytes, which "
                    "`max_message_bytes` allows",
                )
            if time.monotonic() > end:
                raise TimeoutError
        return content


def _to_json(value):
    if isinstance(value, list):
        return [{"b64": base64.b64encode(content).decode()} for content in value]
    return value.tolist()


def _message(content, response):
    try:
        return json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {response.status} {response.reason}"
