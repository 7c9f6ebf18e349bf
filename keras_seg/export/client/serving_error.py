class ServingError(RuntimeError):
    """Error raised if a server rejects a request or cannot be reached.

    Args:
        code: str. The name of the gRPC status, such as "INVALID_ARGUMENT" for an
            invalid image, "NOT_FOUND" for an unknown model, "UNAVAILABLE" if no server
            answers, and "DEADLINE_EXCEEDED" if the server takes too long.
        message: str. The server's message.

    Attributes:
        code: str, as above.

    Example:
        ```python
        try:
            classes = client.segment("street.jpg")
        except ServingError as error:
            print(error.code)
        ```
    """

    def __init__(self, code: str, message: str):
        super().__init__(f"{code}: {message}")
        self.code = code
