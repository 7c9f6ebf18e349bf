"""Pairing of image and label files by their names."""

import unicodedata
from pathlib import Path

from keras_seg.data.find_files import IMAGE_SUFFIXES, find_files
from keras_seg.data.shorten import have, shorten
from keras_seg.storage.paths import as_path

STEM = "{stem}"


class FileNames:
    """The files of one kind in a folder, with the pattern of their names.

    Args:
        kind: "image" or "label", for errors.
        folder: str or path.
        name: str, a file name with {stem} for the part that image and label share.
        suffixes: tuple of str, the suffixes to search for.
        may_be_empty: bool. Whether the folder may hold no such files.

    Raises:
        FileNotFoundError: If the folder is missing.
        ValueError: If the name has another form, or if the folder holds no such files.
    """

    def __init__(self, kind, folder, name, suffixes, may_be_empty=False):
        self.kind, self.folder, self.name = kind, as_path(folder), name
        self.may_be_empty = may_be_empty
        if name.count(STEM) != 1 or "/" in name:
            raise ValueError(
                f"`{kind}_name` must be a file name that holds {STEM} once, such as "
                f"'{STEM}_mask'. Received: {name!r}"
            )
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"`{kind}_dir` must be an existing folder. Received: {str(folder)!r}"
            )
        self.start, self.end = _composed(name).split(STEM)
        if self.end.lower().endswith(suffixes):
            suffix = Path("x" + self.end).suffix
            self.end, suffixes = self.end[: -len(suffix)], (suffix.lower(),)
        self.suffixes = suffixes
        self.paths = find_files(self.folder, suffixes)
        if not self.paths and not may_be_empty:
            message = (
                f"`{kind}_dir` must hold files that end in {', '.join(suffixes)}. "
                f"There are none in {str(folder)!r}"
            )
            others = find_files(self.folder, IMAGE_SUFFIXES)
            if others:
                message += f", which holds {shown(others, self.folder)}"
            if kind == "label" and others:
                message += ". JPEG and WebP change the values of a label"
            raise ValueError(message)

    @property
    def is_plain(self):
        return not self.start and not self.end

    def stem(self, path):
        """Returns the stem of a file with the path below the folder, or None."""
        if path.suffix.lower() not in self.suffixes:
            return None
        name = _composed(path.stem)
        fits = name.startswith(self.start) and name.endswith(self.end)
        if not fits or len(name) <= len(self.start) + len(self.end):
            return None
        stem = name[len(self.start) : len(name) - len(self.end)]
        return _composed((path.relative_to(self.folder).parent / stem).as_posix())

    def by_stem(self, others):
        """Returns `{stem: path}` without the other kind's files in the same folder."""
        same = self.folder.resolve() == others.folder.resolve()
        files = {}
        for path in self.paths:
            stem = self.stem(path)
            if stem is None or (
                same
                and not others.is_plain
                and self.is_plain
                and others.stem(path) is not None
            ):
                continue
            if stem in files:
                raise ValueError(
                    f"`{self.kind}_dir` holds two files of one name: {files[stem]} and "
                    f"{path}. Keep one of them, or select one by a suffix in "
                    f"`{self.kind}_name`: '{self.name}{path.suffix}'."
                )
            files[stem] = path
        if not files and not self.may_be_empty:
            raise ValueError(
                f"No {self.kind} has a name like `{self.kind}_name`, {self.name!r}. "
                f"{str(self.folder)!r} holds {shown(self.paths, self.folder)}."
            )
        return files


def _composed(name):
    """Spells accented letters as one character; archives from macOS use two."""
    return unicodedata.normalize("NFC", name)


def pairs_of_files(images, labels):
    """Returns pairs of paths, an image and its label, from their `FileNames`.

    Raises:
        ValueError: If an image has no label, or a label no image.
    """
    image_files, label_files = images.by_stem(labels), labels.by_stem(images)
    problems = []
    for files, others, kind, other in (
        (image_files, label_files, "image", labels),
        (label_files, image_files, "label", images),
    ):
        alone = [str(files[stem]) for stem in files if stem not in others]
        if alone:
            problems.append(
                f"{have(len(alone), kind)} no {other.kind} of the same name "
                f"({other.name}) in {str(other.folder)!r}: {shorten(alone)}."
            )
    if not problems:
        return [(image_files[stem], label_files[stem]) for stem in sorted(image_files)]
    if not image_files.keys() & label_files.keys():
        problems.append(
            f"The folders hold {shown(images.paths, images.folder)}, and "
            f"{shown(labels.paths, labels.folder)}."
        )
        problems.append(_suggestion(image_files, labels))
    raise ValueError(" ".join(problems).strip())


def shown(paths, folder):
    """Returns the first of several paths in a folder, as text for an error."""
    return shorten([path.relative_to(folder).as_posix() for path in paths], 3)


def _suggestion(image_files, labels):
    """Suggests a `label_name` if the name of a label contains that of an image."""
    for stem in sorted(image_files, key=len, reverse=True)[:100]:
        stem = Path(stem).name
        for path in labels.paths[:1000]:
            if stem in path.stem and stem != path.stem:
                name = path.stem.replace(stem, STEM, 1)
                return f"Did you mean label_name={name!r}?"
    return ""
