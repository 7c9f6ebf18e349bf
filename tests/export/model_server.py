"""Exported models behind the parts of TF Serving's two APIs that the client uses."""

import base64
import concurrent.futures
import http.server
import json
import pathlib
import re
import threading

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

_PATH = re.compile(r"/v1/models/(\w+)(?:/versions/(\d+))?(:predict|/metadata)?")
_STATUS = {"INVALID_ARGUMENT": 400, "NOT_FOUND": 404}


class Refused(Exception):
    """A request that is answered with an error: its code, and a message."""


class ModelServer:
    """Serves models `<folder>/<name>/<version>` on free ports of this machine.

    Attributes: `port` of gRPC and `rest_port` of REST.
    """

    def __init__(self, folder):
        paths = pathlib.Path(folder).glob("*/*")
        self._models = {
            path.parent.name: (int(path.name), tf.saved_model.load(str(path)))
            for path in paths
        }
        handler = type("Handler", (_RestHandler,), {"server_of_models": self})
        self._rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.rest_port = self._rest.server_port
        self._grpc = grpc.server(
            concurrent.futures.ThreadPoolExecutor(2),
            options=[("grpc.max_receive_message_length", 1 << 26)],
        )
        service = _GrpcService(self)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            service, self._grpc
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(service, self._grpc)
        self.port = self._grpc.add_insecure_port("127.0.0.1:0")

    def __enter__(self):
        self._grpc.start()
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._rest.shutdown()
        self._rest.server_close()
        self._grpc.stop(grace=1).wait()

    def model(self, name, version):
        """Version and loaded model, of which the one version there is is served."""
        if name not in self._models:
            raise Refused("NOT_FOUND", f"there is no model {name}")
        served, model = self._models[name]
        if version not in (None, served):
            raise Refused("NOT_FOUND", f"version {served} is served")
        return served, model

    def predict(self, name, version, signature, inputs):
        """Dict of arrays by output, for `{name: array}`."""
        _, model = self.model(name, version)
        try:
            inputs = {name: tf.convert_to_tensor(x) for name, x in inputs.items()}
            outputs = model.signatures[signature](**inputs)
        except tf.errors.InvalidArgumentError as error:
            raise Refused("INVALID_ARGUMENT", error.message) from error
        return {name: value.numpy() for name, value in outputs.items()}


class _GrpcService(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    def __init__(self, server):
        self._server = server

    def Predict(self, request, context):
        try:
            outputs = self._server.predict(
                *_spec(request),
                request.model_spec.signature_name,
                {name: tf.make_ndarray(x) for name, x in request.inputs.items()},
            )
        except Refused as error:
            _abort(context, error)
        outputs = {name: tf.make_tensor_proto(x) for name, x in outputs.items()}
        return predict_pb2.PredictResponse(outputs=outputs)

    def GetModelStatus(self, request, context):
        try:
            version, _ = self._server.model(*_spec(request))
        except Refused as error:
            _abort(context, error)
        state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=version, state=state)
        return response


def _spec(request):
    spec = request.model_spec
    return spec.name, spec.version.value if spec.HasField("version") else None


def _abort(context, refused):
    code, message = refused.args
    context.abort(grpc.StatusCode[code], message)


class _RestHandler(http.server.BaseHTTPRequestHandler):
    server_of_models = None

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def _answer(self):
        name, version, method = _PATH.fullmatch(self.path).groups()
        version = int(version) if version else None
        try:
            code, answer = 200, self._result(name, version, method)
        except Refused as error:
            code, message = error.args
            code, answer = _STATUS[code], {"error": message}
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _result(self, name, version, method):
        served, model = self.server_of_models.model(name, version)
        if method is None:
            status = {"version": str(served), "state": "AVAILABLE"}
            return {"model_version_status": [status]}
        if method == "/metadata":
            signatures = {key: _metadata(f) for key, f in model.signatures.items()}
            return {"metadata": {"signature_def": {"signature_def": signatures}}}
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        signature = request["signature_name"]
        specs = model.signatures[signature].structured_input_signature[1]
        inputs = {
            key: _array(value, specs[key]) for key, value in request["inputs"].items()
        }
        outputs = self.server_of_models.predict(name, version, signature, inputs)
        (output,) = outputs.values()
        return {"outputs": output.tolist()}

    def log_message(self, *args):
        pass


def _metadata(function):
    return {
        "outputs": {
            name: {"dtype": types_pb2.DataType.Name(spec.dtype.as_datatype_enum)}
            for name, spec in function.structured_outputs.items()
        }
    }


def _array(value, spec):
    if spec.dtype == tf.string:
        return np.array([base64.b64decode(item["b64"]) for item in value], object)
    return np.array(value, spec.dtype.as_numpy_dtype)
