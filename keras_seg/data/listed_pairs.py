import re

from keras_seg.data.shorten import shorten
from keras_seg.data.text_file import read_text_file
from keras_seg.storage.paths import as_path


def listed_pairs(list_file, folder):
    """Reads the paths of images and labels in a text file; see `ImageList`.

    Args:
        list_file: path of the file.
        folder: path to which the paths in the file are relative.

    Returns:
        list of pairs of paths, an image and its label.

    Raises:
        FileNotFoundError: If the list or a file in it does not exist.
        ValueError: If a line has another form, or if the list is empty.
    """
    pairs, missing = [], []
    for number, line in _lines(list_file):
        parts = _parts(line)
        if len(parts) != 2:
            raise ValueError(
                f"Each line of {list_file} must have the path of an image and that of "
                "its label, such as 'images/a.jpg labels/a.png', separated by a tab or "
                f"a comma if they contain spaces. Received {line!r} in line {number}"
            )
        pair = tuple(_path(folder, part) for part in parts)
        missing += [f"{x} (line {number})" for x in pair if not x.is_file()]
        pairs.append(pair)
    if missing:
        raise FileNotFoundError(
            f"{list_file} lists files that do not exist: {shorten(missing)}. Paths are "
            f"relative to {str(folder)!r}."
        )
    if not pairs:
        raise ValueError(f"{list_file} must list at least one image. It is empty.")
    return pairs


def _lines(list_file):
    """Yields the number and the text of each line that lists files."""
    if not list_file.is_file():
        raise FileNotFoundError(f"There is no list {list_file}")
    for number, line in enumerate(read_text_file(list_file).splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _parts(line):
    """Splits a line at tabs or commas, or at spaces if it has neither."""
    pattern = next((mark for mark in "\t," if mark in line), r"\s+")
    return [part.strip() for part in re.split(pattern, line)]


def _path(folder, text):
    """Returns the path of a listed file; lists from Windows have backslashes."""
    text = text.replace("\\", "/")
    path = as_path(text)
    if "://" in text or (path.is_absolute() and path.is_file()):
        return path
    return folder / text.lstrip("/")
