import json

import numpy as np

from .serving_error import ServingError

# By default, gRPC waits for seconds before it reconnects.
_RECONNECT = [
    (f"grpc.{which}_reconnect_backoff_ms", milliseconds)
    for which, milliseconds in [("initial", 100), ("min", 100), ("max", 1000)]
]


class OverGrpc:
    """Client of one model over TF Serving's gRPC API.

    Args:
        address: str, "host:port".
        model: str. The model's name in the server.
        version: int, or None for the newest.
        max_message_bytes: int. The largest message in either direction; gRPC's default
            of 4 MB is too small for the probabilities of most images.
        retries: int. How often a request is repeated; gRPC allows at most 4.

    Raises:
        ImportError: If tensorflow-serving-api is not installed.

    Example:
        `OverGrpc("localhost:8500", "spnet", None, 1 << 28, retries=3)`
    """

    def __init__(self, address, model, version, max_message_bytes, retries):
        try:
            import grpc
            from tensorflow_serving.apis import (
                get_model_status_pb2,
                model_pb2,
                model_service_pb2_grpc,
                predict_pb2,
                prediction_service_pb2_grpc,
            )
        except ImportError as error:
            raise ImportError(
                "The client needs tensorflow-serving-api for gRPC: "
                'pip install "keras-seg[serving]". An address that begins with '
                "http:// is served by REST, without it."
            ) from error
        options = [
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", max_message_bytes),
            # By default, gRPC retries only requests of up to 256 KB.
            ("grpc.per_rpc_retry_buffer_size", max_message_bytes),
            ("grpc.service_config", json.dumps(_service_config(retries))),
            *_RECONNECT,
        ]
        self._error = grpc.RpcError
        self._channel = grpc.insecure_channel(address, options)
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(
            self._channel
        ).Predict
        self._status = model_service_pb2_grpc.ModelServiceStub(
            self._channel
        ).GetModelStatus
        self._predict_request = predict_pb2.PredictRequest
        self._status_request = get_model_status_pb2.GetModelStatusRequest
        self._states = get_model_status_pb2.ModelVersionStatus.State
        self._spec = model_pb2.ModelSpec(name=model)
        if version is not None:
            self._spec.version.value = version

    def predict(self, signature, inputs, timeout):
        """Returns the signature's output for `{name: array or list of bytes}`."""
        import tensorflow as tf  # defines the tensors of the messages

        request = self._predict_request(
            model_spec=self._spec,
            inputs={name: tf.make_tensor_proto(x) for name, x in inputs.items()},
        )
        request.model_spec.signature_name = signature
        answer = self._call(self._predict, request, timeout)
        (output,) = answer.outputs.values()
        return np.array(tf.make_ndarray(output))

    def status(self, timeout):
        """Returns the model's versions as `{version: state}`."""
        request = self._status_request(model_spec=self._spec)
        answer = self._call(self._status, request, timeout)
        return {
            status.version: self._states.Name(status.state)
            for status in answer.model_version_status
        }

    def close(self):
        """Closes the connection."""
        self._channel.close()

    def _call(self, method, request, timeout):
        try:
            return method(request, timeout=timeout)
        except self._error as error:
            raise ServingError(error.code().name, error.details()) from error


def _service_config(retries):
    """Returns gRPC's configuration of load balancing and retries."""
    # A host name may stand for several servers; by default gRPC uses only one of them.
    config = {"loadBalancingConfig": [{"round_robin": {}}]}
    if retries:
        policy = {
            "maxAttempts": retries + 1,
            "initialBackoff": "0.1s",
            "backoffMultiplier": 2,
            "maxBackoff": "10s",
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        # An empty name stands for every method.
        config["methodConfig"] = [{"name": [{}], "retryPolicy": policy}]
    return config
