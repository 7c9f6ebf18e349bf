import contextlib
import os

from keras_seg.storage.paths import as_path, put, temporary_folder_for
from keras_seg.storage.remote_path import RemotePath
from keras_seg.storage.writing_errors import naming


@contextlib.contextmanager
def replacing(path):
    """Yields a temporary path for writing a file that then replaces `path` atomically.

    Readers of `path` always find either the complete old file or the complete new one,
    even if the disk is full, the process is killed or the machine loses power. The
    temporary path is on a local disk, and the file may be on any file system.

    Raises:
        OSError: If the file cannot be written; the error names `path`.

    Example:
        ```python
        with replacing("best.keras") as unfinished:
            model.save(unfinished)
        ```
    """
    path = as_path(path)
    if isinstance(path, RemotePath):
        with temporary_folder_for(path) as folder:
            yield folder / path.name
            put(folder / path.name, path)
        return
    # Keep the suffix, by which Keras chooses the file format.
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        with naming(path, unfinished):
            yield unfinished
            with open(unfinished, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
