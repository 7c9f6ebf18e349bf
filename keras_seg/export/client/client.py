import os
import pathlib
from typing import Any

import numpy as np

from .over_grpc import OverGrpc
from .over_rest import OverRest


class Client:
    """Segments images with a model in TensorFlow Serving.

    The model must be exported with `keras_seg.export.export_saved_model`.

    Args:
        address: str. "host:port" for gRPC, or "http://host:port" (or https) for REST,
            which needs requests but neither TensorFlow nor gRPC.
        model: str. The model's name in the server.
        version: int, or None for the newest version in the server.
        timeout: float. Seconds to wait for an answer, including all retries.
        retries: int. How often a request is repeated if no server answers or the server
            is UNAVAILABLE, with a delay that doubles each time. Other errors are not
            retried. gRPC sends a request at most five times.
        max_message_bytes: int. The largest answer, and for gRPC the largest request.

    Raises:
        ValueError: If an argument is invalid.
        ImportError: If tensorflow-serving-api is not installed for a gRPC address, or
            requests for a REST address.

    Example:
        ```python
        with Client("localhost:8500", "spnet") as client:
            classes = client.segment("street.jpg")  # (height, width)
            classes = client.segment(images)  # uint8 (batch, height, width, 3)
        ```
    """

    def __init__(
        self,
        address: str,
        model: str,
        version: int | None = None,
        timeout: float = 60.0,
        retries: int = 3,
        max_message_bytes: int = 1 << 28,
    ):
        if not timeout > 0 or retries < 0 or max_message_bytes < 1:
            raise ValueError(
                "`timeout` and `max_message_bytes` must be positive, and `retries` 0 "
                f"or more. Received: {timeout=}, {retries=}, {max_message_bytes=}"
            )
        transport: type[OverGrpc | OverRest] = OverGrpc
        if "://" in address:
            if not address.startswith(("http://", "https://")):
                raise ValueError(
                    "`address` must be host:port for gRPC, or begin with http:// or "
                    f"https:// for REST. Received: {address!r}"
                )
            transport = OverRest
        self._transport = transport(address, model, version, max_message_bytes, retries)
        self._timeout = timeout

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def segment(self, images: Any) -> np.ndarray:
        """Returns the class maps of images.

        Args:
            images: one or several images, as

                - an array `(height, width, 3)` or `(batch, height, width, 3)`: uint8,
                  or floats in 0..255;
                - the bytes of a JPEG or PNG file, or its path, which are the fastest;
                  or a list of these, whose images the server resizes to one size.

        Returns:
            Integer array `(height, width)`, or `(batch, height, width)` for several.
            A model of independent classes gives masks of 0 and 1 with a last axis of
            classes.

        Raises:
            ValueError: If `images` have another form.
            OSError: If a file cannot be read.
            ServingError: If the server rejects the request or does not answer in time.
        """
        signature, value, single = _request(images)
        classes = self._predict(signature, value)
        return classes[0] if single else classes

    def probabilities(self, images: Any) -> np.ndarray:
        """Returns the probabilities of all classes.

        Args:
            images: uint8 array `(height, width, 3)` or `(batch, height, width, 3)`.

        Returns:
            float32 array `(height, width, classes)`, or `(batch, height, width,
            classes)` for several.

        Raises:
            ValueError: If `images` have another form.
            ServingError: If the server rejects the request or does not answer in time.
        """
        signature, value, single = _request(images)
        if signature != "serving_default":
            raise ValueError(
                "`images` must be uint8 arrays for probabilities. Received: "
                f"{_described(images)}"
            )
        result = self._predict("probabilities", value)
        return result[0] if single else result

    def status(self) -> dict[int, str]:
        """Returns the states of the model's versions in the server.

        Returns:
            Dict `{version: state}`; the state is "AVAILABLE" for versions that serve
            requests.

        Raises:
            ServingError: If the model does not exist or no server answers in time.
        """
        return self._transport.status(self._timeout)

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def _predict(self, signature, value):
        return self._transport.predict(signature, {"images": value}, self._timeout)


def _request(images):
    """Returns the signature, its input, and whether it is a single image."""
    if _is_file(images):
        return "encoded", [_content(images)], True
    if isinstance(images, (list, tuple)) and images and all(map(_is_file, images)):
        return "encoded", [_content(image) for image in images], False
    array = images if isinstance(images, np.ndarray) else None
    if array is None or array.ndim not in (3, 4):
        raise ValueError(
            "`images` must be an array (height, width, 3) or (batch, height, width, "
            "3), a path or the bytes of a file, or a list of these two. Received: "
            f"{_described(images)}"
        )
    single = array.ndim == 3
    array = array[None] if single else array
    if array.dtype == "uint8":
        return "serving_default", array, single
    if np.issubdtype(array.dtype, np.floating):
        return "float", array.astype("float32"), single
    raise ValueError(
        "`images` must be uint8, or floats in 0..255. Received: " + _described(images)
    )


def _is_file(image):
    return isinstance(image, (bytes, bytearray, str, os.PathLike))


def _content(image):
    if isinstance(image, (bytes, bytearray)):
        return bytes(image)
    return pathlib.Path(image).read_bytes()


def _described(images):
    if isinstance(images, np.ndarray):
        return f"{images.dtype} {images.shape}"
    if isinstance(images, (list, tuple)):
        return f"a list of {sorted({type(image).__name__ for image in images})}"
    return type(images).__name__
