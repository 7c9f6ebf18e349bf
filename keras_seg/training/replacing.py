import contextlib
import os
import pathlib


@contextlib.contextmanager
def replacing(path):
    """A path to write a file to, which then takes the place of `path` at once.

    Whoever opens `path` finds the old file or the new one, whole, also if the process
    is killed or the machine loses power at any moment.

    Example:

    ```python
    with replacing("best.keras") as unfinished:
        model.save(unfinished)
    ```
    """
    path = pathlib.Path(path)
    # The endings stay what they are: Keras saves by them.
    unfinished = path.with_name(f".unfinished-{path.name}")
    yield unfinished
    with open(unfinished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)
