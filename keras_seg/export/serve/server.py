import concurrent.futures
import http.server
import threading

from keras_seg.export.serve.model_folder import ModelFolder

_WORKERS = 4
# Requests that wait; more are refused.
_QUEUE = 16


class Server:
    """Serves the models of a folder by gRPC and REST, as TF Serving does.

    It is for trying things out: a Python process, without batching, and with the
    newest version of each model alone. TF Serving is what to run for others. What it
    answers is what TF Serving's APIs say: Predict, GetModelMetadata and GetModelStatus;
    `/v1/models/<name>[/versions/<n>]`, with `:predict` or `/metadata`.

    Args:
        folder: of models `<name>/<version>`, such as saved_models.
        port: int. Of gRPC; 0 for any that is free.
        rest_port: int. Of REST; 0 for any that is free.
        host: str. The address to listen at; "0.0.0.0" lets other machines in.
        max_request_bytes: int. Larger requests are refused.

    Attributes: `port` and `rest_port`, the ones in use, and `models`, a `ModelFolder`.

    Raises:
        FileNotFoundError: If there is no model in the folder.
        ImportError: If tensorflow-serving-api is not installed.
        OSError: If a port is taken.

    Example:

    ```python
    with Server("saved_models", port=0, rest_port=0) as server:
        client = Client(f"localhost:{server.port}", "spnet")
        classes = client.segment("street.jpg")
    ```
    """

    def __init__(
        self,
        folder,
        port=8500,
        rest_port=8501,
        host="127.0.0.1",
        max_request_bytes=1 << 26,
    ):
        try:
            import grpc

            from keras_seg.export.serve.grpc_services import add_grpc_services
            from keras_seg.export.serve.rest_handler import RestHandler
        except ImportError as error:
            raise ImportError(
                "The server needs tensorflow-serving-api: "
                f'pip install "keras-seg[serving]" ({error})'
            ) from error
        self.models = ModelFolder(folder)
        fields = {"models": self.models, "max_request_bytes": max_request_bytes}
        handler = type("Handler", (RestHandler,), fields)
        self._rest = http.server.ThreadingHTTPServer((host, rest_port), handler)
        self.rest_port = self._rest.server_port
        self._grpc = grpc.server(
            concurrent.futures.ThreadPoolExecutor(_WORKERS),
            maximum_concurrent_rpcs=_QUEUE,
            options=[
                ("grpc.max_receive_message_length", max_request_bytes),
                ("grpc.so_reuseport", 0),  # else a second server is no error
            ],
        )
        add_grpc_services(self._grpc, self.models, max_request_bytes)
        try:
            self.port = self._grpc.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            self._rest.server_close()
            raise OSError(f"The port {port} cannot be used: {error}") from error

    def __enter__(self):
        self._grpc.start()
        self._thread = threading.Thread(target=self._rest.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._rest.shutdown()
        self._rest.server_close()
        self._grpc.stop(grace=1).wait()
