"""The services of TF Serving's gRPC API that clients of a model need."""

import logging
import math

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from keras_seg.export.serve.request_error import RequestError

_logger = logging.getLogger(__name__)


def add_grpc_services(server, models, max_request_bytes):
    """Adds both services to a server.

    Args:
        server: `grpc.Server`.
        models: `ModelFolder`.
        max_request_bytes: int. What the tensors of a request may have in memory.

    Example: `add_grpc_services(server, ModelFolder("saved_models"), 1 << 26)`
    """
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _PredictionService(models, max_request_bytes), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(
        _ModelService(models), server
    )


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, models, max_request_bytes):
        self._models = models
        self._max_request_bytes = max_request_bytes

    def Predict(self, request, context):
        return _answer(self._predict, request, context)

    def GetModelMetadata(self, request, context):
        return _answer(self._metadata, request, context)

    def _predict(self, request):
        model = _model(self._models, request.model_spec)
        signature = request.model_spec.signature_name or "serving_default"
        inputs = {name: self._array(name, x) for name, x in request.inputs.items()}
        outputs = model.predict(signature, inputs)
        wanted = set(request.output_filter) or outputs.keys()
        if unknown := wanted - outputs.keys():
            raise RequestError(
                "INVALID_ARGUMENT",
                f'"{signature}" has no outputs {sorted(unknown)}, but {list(outputs)}',
            )
        response = predict_pb2.PredictResponse(
            outputs={name: tf.make_tensor_proto(outputs[name]) for name in wanted}
        )
        response.model_spec.name = model.name
        response.model_spec.version.value = model.version
        response.model_spec.signature_name = signature
        return response

    def _array(self, name, proto):
        # A message of some bytes may state any shape, with one value for all of it.
        try:
            dtype = tf.as_dtype(proto.dtype)
            elements = math.prod(size.size for size in proto.tensor_shape.dim)
            if elements * dtype.size > self._max_request_bytes:
                raise RequestError(
                    "RESOURCE_EXHAUSTED",
                    f'"{name}" has {elements * dtype.size} bytes. A request may have '
                    f"{self._max_request_bytes}",
                )
            return tf.make_ndarray(proto)
        except (TypeError, ValueError) as error:
            raise RequestError(
                "INVALID_ARGUMENT", f'"{name}" is no whole tensor: {error}'
            ) from error

    def _metadata(self, request):
        if list(request.metadata_field) != ["signature_def"]:
            raise RequestError(
                "INVALID_ARGUMENT",
                'The one metadata_field that there is: "signature_def". Received: '
                f"{list(request.metadata_field)}",
            )
        return _metadata(_model(self._models, request.model_spec))


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, models):
        self._models = models

    def GetModelStatus(self, request, context):
        return _answer(self._status, request, context)

    def _status(self, request):
        model = _model(self._models, request.model_spec)
        response = get_model_status_pb2.GetModelStatusResponse()
        version = response.model_version_status.add()
        version.version = model.version
        version.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        return response


def _metadata(model):
    signatures = get_model_metadata_pb2.SignatureDefMap(
        signature_def=model.signature_defs
    )
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name = model.name
    response.model_spec.version.value = model.version
    response.metadata["signature_def"].Pack(signatures)
    return response


def _model(models, spec):
    if spec.version_label:
        raise RequestError("INVALID_ARGUMENT", "There are no labels of versions here")
    version = spec.version.value if spec.HasField("version") else None
    return models.model(spec.name, version)


def _answer(method, request, context):
    try:
        return method(request)
    except RequestError as error:
        code, message = error.code, error.message
    except Exception as error:  # the server goes on whatever happens
        _logger.exception("a request failed")
        code, message = "INTERNAL", f"{type(error).__name__}: {error}"
    context.abort(grpc.StatusCode[code], message)
