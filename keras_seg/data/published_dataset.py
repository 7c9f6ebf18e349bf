from pathlib import Path

import numpy as np

from keras_seg.data.labelled_files import LabelledFiles, shorten
from keras_seg.data.storage import as_path


class PublishedDataset(LabelledFiles):
    """Base of the benchmarks' data sets: complete downloads, and submissions.

    That each image is there, with its label, is checked at construction, by the names
    in the folders; of the headers just those of the first pair are, since to read all
    of 20000 images takes minutes on a network drive. Those of the others are checked
    when they are read.

    Args:
        title: str. The data set and its split, for errors.
        images: dict `{name: path}` of the images that are there.
        labels: dict `{name: path}` of the labels, or None for a split whose labels are
            not published.
        source: str. A sentence that says where to get what is missing.
        class_names: Sequence of str.
        palette: uint8 array `(num_classes, 3)`.
        label_map: dict `{value in the files: class or 255}`.
        names: Sequence of str, which must all be there, in the order of the indices; or
            None where the data set has no list of them.
        count: int, how many images there must be, or None for any number.
        problems: Sequence of str. What else was found missing.
        submission_values: Sequence of int, the value of each class in the files that
            the benchmark's server takes; None for the classes themselves.

    Attributes:
        submission_values: uint8 array `(num_classes,)`.

    Raises:
        ValueError: If something is missing, or as `LabelledFiles`.
    """

    def __init__(
        self,
        title,
        images,
        labels,
        source,
        class_names,
        palette,
        label_map,
        names=None,
        count=None,
        problems=(),
        submission_values=None,
    ):
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

    def submission_name(self, index):
        """The name of the PNG that the benchmark's server takes for an image."""
        return f"{self.image_paths[index].stem}.png"


def require_split(split, splits):
    """Raises a ValueError unless `split` is one of `splits`."""
    if split not in splits:
        raise ValueError(f"`split` must be one of {tuple(splits)}. Received: {split=}")


def require_folders(data_dir, folders, source):
    """Raises a FileNotFoundError unless all folders are below `data_dir`.

    Where they are above or below it instead, as when an archive was unpacked into a
    folder of its own, the error says which one to pass.
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
    """`{name: path}` of the files in a folder that a pattern like "*.png" matches.

    The name is what stands for the last "*" of the pattern. Hidden files, such as the
    "._" ones of macOS archives, are left out.
    """
    ending = pattern.rpartition("*")[2]
    return {
        path.name.removesuffix(ending): path
        for path in as_path(folder).glob(pattern)
        if not path.name.startswith(".")
    }


def read_names(path, source):
    """The names in a list file, one a line.

    Lines that name the paths of an image and its label, "/JPEGImages/a.jpg
    /SegmentationClassAug/a.png", as some lists have them, give the name too.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"There is no list {path}. {source}")
    lines = path.read_text().splitlines()
    return [Path(line.split()[0]).stem for line in lines if line.strip()]


def _missing(images, labels, names, count):
    """What is not there, in words."""
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
