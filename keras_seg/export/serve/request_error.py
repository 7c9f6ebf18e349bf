class RequestError(Exception):
    """A request that cannot be answered.

    Args:
        code: str. The status by its name in gRPC, such as "INVALID_ARGUMENT".
        message: str. What is wrong with the request.

    Attributes: `code`, `message`.

    Example: `raise RequestError("NOT_FOUND", "there is no model 'spnet'")`
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
        self.message = message
