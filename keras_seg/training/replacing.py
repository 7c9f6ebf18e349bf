import contextlib
import os
import pathlib
import tempfile

from keras_seg.data.storage import RemotePath, as_path, put


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path for writing a file that then replaces `path` atomically.

    Readers of `path` always find either the complete old file or the complete new one,
    even if the process is killed or the machine loses power. The temporary path is on a
    local disk, and the file may be on any file system.

    Example:
        ```python
        with replacing("best.keras") as unfinished:
            model.save(unfinished)
        ```
    """
    path = as_path(path)
    if isinstance(path, RemotePath):
        with tempfile.TemporaryDirectory() as folder:
            unfinished = pathlib.Path(folder, path.name)
            yield unfinished
            put(unfinished, path)
        return
    # Keep the suffix, by which Keras chooses the file format.
    unfinished = path.with_name(f".unfinished-{path.name}")
    yield unfinished
    with open(unfinished, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)
