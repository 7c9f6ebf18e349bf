from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_seg.data.labelled_files import LabelledFiles
from keras_seg.data.shorten import shorten
from keras_seg.storage.paths import as_path


class PublishedDataset(LabelledFiles):
    """Base class of the benchmark data sets: completeness checks and submissions.

    The construction checks by file names that each image exists, with its label. Only
    the headers of the first pair are read then, because reading those of 20000 images
    takes minutes on a network drive; the others are checked when they are read.

    Args:
        title: str. The data set and its split, for errors.
        images: dict `{name: path}` of the existing images.
        labels: dict `{name: path}` of the labels, or None for a split whose labels are
            not published.
        source: str. A sentence that tells where to get missing files.
        class_names: sequence of str.
        palette: uint8 array `(num_classes, 3)`.
        label_map: dict `{value in the files: class or 255}`.
        names: sequence of str, the required names in the order of the indices; or None
            if the data set has no list of them.
        count: int, the required number of images, or None for any number.
        problems: sequence of str. Descriptions of other missing files.
        submission_values: sequence of int, the value of each class in the files that
            the benchmark server accepts; None for the classes themselves.

    Attributes:
        submission_values: uint8 array `(num_classes,)`.

    Raises:
        ValueError: If something is missing. See also `LabelledFiles`.
    """

    def __init__(
        self,
        title: str,
        images: Mapping[str, Any],
        labels: Mapping[str, Any] | None,
        source: str,
        class_names: Sequence[str],
        palette: ArrayLike,
        label_map: Mapping[int, int] | None,
        names: Sequence[str] | None = None,
        count: int | None = None,
        problems: Sequence[str] = (),
        submission_values: Sequence[int] | None = None,
    ) -> None:
        problems = [*_missing(images, labels, names, count), *problems]
        if problems:
            raise ValueError(
                f"{title} is not complete: {'; '.join(problems)}. {source}"
            )
        pairs = [
            (images[name], labels and labels[name])
            for name in (sorted(images) if names is None else names)
        ]
        super().__init__(
            pairs, class_names, palette, label_map=label_map, label_colors=False
        )
        if submission_values is None:
            submission_values = range(self.num_classes)
        self.submission_values = np.array(submission_values, "uint8")
        self.check_headers(0)

    def submission_name(self, index: int) -> str:
        """Returns the name of the PNG that the server expects for an image."""
        return f"{self.image_paths[index].stem}.png"


def require_split(split, splits):
    """Raises a `ValueError` unless `split` is one of `splits`."""
    if split not in splits:
        raise ValueError(f"`split` must be one of {tuple(splits)}. Received: {split=}")


def require_folders(data_dir, folders, source):
    """Raises a `FileNotFoundError` unless all folders exist below `data_dir`.

    If they are one level or two above or below it instead, as when an archive was
    unpacked into its own folder, the error names the path to pass.
    """
    data_dir = as_path(data_dir)
    missing = [folder for folder in folders if not (data_dir / folder).is_dir()]
    if not missing:
        return
    hint = source
    for other in (*data_dir.parents[:2], *data_dir.glob("*"), *data_dir.glob("*/*")):
        if all((other / folder).is_dir() for folder in folders):
            hint = f"They are in {str(other)!r}: pass that."
            break
    raise FileNotFoundError(
        f"`data_dir` must hold the folders {', '.join(folders)}. Missing in "
        f"{str(data_dir)!r}: {', '.join(missing)}. {hint}"
    )


def list_files(folder, pattern):
    """Returns `{name: path}` for the files in a folder that match a glob pattern.

    The name is the part that matches the last "*" of the pattern, such as "*.png".
    Hidden files, such as the "._" files of macOS archives, are skipped.
    """
    ending = pattern.rpartition("*")[2]
    return {
        path.name.removesuffix(ending): path
        for path in as_path(folder).glob(pattern)
        if not path.name.startswith(".")
    }


def read_names(path, source):
    """Reads the names in a list file with one name per line.

    Some lists have the paths of an image and its label on each line, as in
    "/JPEGImages/a.jpg /SegmentationClassAug/a.png"; their names are read too.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no list {path}. {source}")
    lines = path.read_text().splitlines()
    return [Path(line.split()[0]).stem for line in lines if line.strip()]


def _missing(images, labels, names, count):
    """Yields descriptions of missing files."""
    found = images if names is None else [name for name in names if name in images]
    if count is not None and len(found) != count:
        yield f"{count} images expected, {len(found)} found"
    elif not found:
        yield "no images found"
    for kind, files, others in (("image", images, labels), ("label", labels, images)):
        if files is None:
            continue
        wanted = names if names is not None else others or ()
        alone = [name for name in sorted(wanted) if name not in files]
        if alone:
            yield f"no {kind} for {shorten(alone)}"
