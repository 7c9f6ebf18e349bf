import contextlib
import os
import pathlib


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path for writing a file that then replaces `path` atomically.

    Readers of `path` always find either the complete old file or the complete new one,
    even if the process is killed or the machine loses power.

    Example:
        ```python
        with replacing("best.keras") as unfinished:
            model.save(unfinished)
        ```
    """
    path = pathlib.Path(path)
    # Keep the suffix, by which Keras chooses the file format.
    unfinished = path.with_name(f".unfinished-{path.name}")
    yield unfinished
    with open(unfinished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)
