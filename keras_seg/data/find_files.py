import collections

from keras_seg.storage.paths import as_path

IMAGE_SUFFIXES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".jfif",
    ".bmp",
    ".webp",
    ".tif",
    ".tiff",
    ".gif",
    ".npy",
)
LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", ".npy")


def find_files(folder, suffixes):
    """Finds the files with given suffixes in a folder and its sub-folders.

    Links to folders are followed, except those that lead back to a parent folder.
    Hidden files and folders are skipped, such as the "._" files of macOS archives and
    Jupyter's ".ipynb_checkpoints".

    Args:
        folder: str or path.
        suffixes: tuple of str, in lower case with the dot.

    Returns:
        Sorted list of paths, each of which begins with `folder`.

    Example:
        `find_files("photographs", IMAGE_SUFFIXES)`
    """
    return sorted(
        path
        for path in _files(as_path(folder), set())
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    )


def other_suffixes(folder, suffixes):
    """Counts the files that `find_files` leaves out, except hidden ones.

    Returns:
        dict `{suffix in lower case: number of files}`.
    """
    return collections.Counter(
        path.suffix.lower()
        for path in _files(as_path(folder), set())
        if path.suffix.lower() not in suffixes and not path.name.startswith(".")
    )


def _files(folder, above):
    above = {*above, folder.resolve()}
    for path in folder.iterdir():
        if not path.is_dir():
            yield path
        elif not path.name.startswith(".") and path.resolve() not in above:
            yield from _files(path, above)
