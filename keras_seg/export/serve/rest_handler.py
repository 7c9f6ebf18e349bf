import http.server
import json
import logging
import re

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2

from keras_seg.export.serve import json_tensors
from keras_seg.export.serve.request_error import RequestError

_logger = logging.getLogger(__name__)
_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+))?"
    r"(?P<method>:predict|/metadata)?"
)
# As TF Serving translates them.
_HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class RestHandler(http.server.BaseHTTPRequestHandler):
    """Answers requests of TF Serving's REST API: predict, status and metadata.

    Subclasses set `models`, a `ModelFolder`, and `max_request_bytes`.

    Example: `type("Handler", (RestHandler,), {"models": models, ...})`
    """

    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a client may be silent
    models = None
    max_request_bytes = None

    def do_GET(self):
        self._answer({None: self._status, "/metadata": self._metadata})

    def do_POST(self):
        self._answer({":predict": self._predict})

    def log_message(self, format, *args):
        _logger.info(format, *args)

    def _answer(self, methods):
        try:
            body = self._read()
            found = _PATH.fullmatch(self.path)
            if not found or found["method"] not in methods:
                raise RequestError(
                    "NOT_FOUND", f"There is no {self.command} {self.path} here"
                )
            version = int(found["version"]) if found["version"] else None
            model = self.models.model(found["name"], version)
            self._send(200, methods[found["method"]](model, body))
        except RequestError as error:
            code = _HTTP_STATUS.get(error.code, 500)
            self._send(code, {"error": error.message})
        except (ConnectionError, TimeoutError):  # the client has gone
            self.close_connection = True
        except Exception as error:  # the server goes on whatever happens
            _logger.exception("a request failed")
            self._send(500, {"error": f"{type(error).__name__}: {error}"})

    def _read(self):
        length = self.headers.get("Content-Length", "0")
        chunked = "Transfer-Encoding" in self.headers
        if chunked or not length.isdecimal() or int(length) > self.max_request_bytes:
            # What is not read here cannot be told from a next request.
            self.close_connection = True
            raise RequestError(
                "INVALID_ARGUMENT" if chunked else "RESOURCE_EXHAUSTED",
                f"A request must have a Content-Length of {self.max_request_bytes} "
                f"bytes at most. Received: {length}",
            )
        return self.rfile.read(int(length))

    def _status(self, model, _):
        return {
            "model_version_status": [
                {
                    "version": str(model.version),
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        }

    def _metadata(self, model, _):
        signatures = get_model_metadata_pb2.SignatureDefMap(
            signature_def=model.signature_defs
        )
        return {
            "model_spec": {
                "name": model.name,
                "signature_name": "",
                "version": str(model.version),
            },
            "metadata": {
                "signature_def": json_format.MessageToDict(
                    signatures, preserving_proto_field_name=True
                )
            },
        }

    def _predict(self, model, body):
        request = _parse(body)
        signature = request.get("signature_name", "serving_default")
        if not isinstance(signature, str):
            raise RequestError("INVALID_ARGUMENT", '"signature_name" must be a string')
        specs = model.inputs(signature)
        if "instances" in request:
            inputs = json_tensors.from_rows(request["instances"], specs)
            outputs = model.predict(signature, inputs)
            return {"predictions": json_tensors.to_rows(outputs)}
        inputs = json_tensors.from_columns(request["inputs"], specs)
        return {"outputs": json_tensors.to_columns(model.predict(signature, inputs))}

    def _send(self, code, answer):
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _parse(body):
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError("INVALID_ARGUMENT", f"JSON Parse error: {error}") from error
    given = isinstance(request, dict) and {"instances", "inputs"} & request.keys()
    if not given or len(given) != 1:
        raise RequestError(
            "INVALID_ARGUMENT",
            'The request must be an object with either "instances" or "inputs"',
        )
    return request
