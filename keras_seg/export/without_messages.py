import contextlib
import logging


@contextlib.contextmanager
def without_messages(logger, start):
    """Drops harmless messages of another package within a `with` block.

    Args:
        logger: str. Name of the logger that they are sent to.
        start: str. How the messages begin.

    Example:
        ```python
        with without_messages("absl", "Importing a function"):
            tf.saved_model.load("saved_models/spnet/1")
        ```
    """

    def is_shown(record):
        return not record.getMessage().startswith(start)

    target = logging.getLogger(logger)
    target.addFilter(is_shown)
    try:
        yield
    finally:
        target.removeFilter(is_shown)
