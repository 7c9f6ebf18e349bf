import pathlib
import threading

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_seg.export.serve.request_error import RequestError

# A float32 image takes 12 bytes for a pixel, and much more memory within a network.
_AT_ONCE = 2


class LoadedModel:
    """One version of a model, which answers requests.

    Args:
        name: str. The model's name.
        version: int.
        path: folder of the SavedModel.

    Raises:
        OSError: If there is no whole SavedModel at `path`.

    Example:

    ```python
    model = LoadedModel("spnet", 1, "saved_models/spnet/1")
    model.predict("serving_default", {"images": images})["classes"]
    ```
    """

    def __init__(self, name, version, path):
        self.name = name
        self.version = version
        self._loaded = tf.saved_model.load(str(path))
        self.signature_defs = _signature_defs(pathlib.Path(path))
        self._turns = threading.Semaphore(_AT_ONCE)

    def inputs(self, signature):
        """`{name: tf.TensorSpec}` of what a signature takes.

        Raises:
            RequestError: If there is no such signature.
        """
        functions = self._loaded.signatures
        if signature not in functions:
            # This status is TF Serving's too.
            raise RequestError(
                "FAILED_PRECONDITION",
                f'The model "{self.name}" has no signature "{signature}", but '
                f"{sorted(functions)}",
            )
        return functions[signature].structured_input_signature[1]

    def predict(self, signature, inputs):
        """Answers a request.

        Args:
            signature: str.
            inputs: dict `{name: array}`.

        Returns:
            Dict `{name: array}`.

        Raises:
            RequestError: If the inputs are not what the signature takes, or what
                TensorFlow says of them.
        """
        specs = self.inputs(signature)
        if inputs.keys() != specs.keys():
            raise RequestError(
                "INVALID_ARGUMENT",
                f'The inputs of "{signature}" are {sorted(specs)}. Received: '
                f"{sorted(inputs)}",
            )
        tensors = {}
        for name, value in inputs.items():
            tensor, spec = tf.convert_to_tensor(value), specs[name]
            if not spec.is_compatible_with(tensor):
                raise RequestError(
                    "INVALID_ARGUMENT",
                    f'"{name}" of "{signature}" must be {spec.dtype.name} '
                    f"{spec.shape}. Received: {tensor.dtype.name} {tensor.shape}",
                )
            tensors[name] = tensor
        try:
            with self._turns:
                outputs = self._loaded.signatures[signature](**tensors)
                return {name: value.numpy() for name, value in outputs.items()}
        except tf.errors.OpError as error:
            raise RequestError(_code(error), _reason(error)) from error


def _signature_defs(path):
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((path / "saved_model.pb").read_bytes())
    (meta_graph,) = saved_model.meta_graphs
    return meta_graph.signature_def


def _code(error):
    import grpc

    # TensorFlow numbers its errors as gRPC does.
    (code,) = (code for code in grpc.StatusCode if code.value[0] == error.error_code)
    return code.name


def _reason(error):
    """What the operation says, without where in a graph it stands."""
    reason = error.message.split("<stack traces unavailable>")[-1]
    return reason.split("\n\t [[")[0].strip()
