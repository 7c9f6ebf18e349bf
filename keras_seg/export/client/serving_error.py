class ServingError(RuntimeError):
    """A request that a server refused, or that never reached one.

    Args:
        code: str. The status by its name in gRPC, such as "INVALID_ARGUMENT" for an
            image that is none, "NOT_FOUND" for a model that is not there,
            "UNAVAILABLE" where no server answers and "DEADLINE_EXCEEDED" where one
            takes too long.
        message: str. What the server says.

    Attributes: `code`.

    Example:

    ```python
    try:
        classes = client.segment("street.jpg")
    except ServingError as error:
        print(error.code)
    ```
    """

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
