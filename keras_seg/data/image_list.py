from collections.abc import Sequence
from typing import Any

from keras_seg.data.labelled_files import LabelledFiles
from keras_seg.data.listed_pairs import listed_pairs
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike


class ImageList(LabelledFiles):
    """Images and labels that a text file lists, one pair per line.

    A line has the path of an image and that of its label, separated by spaces, a tab or
    a comma:

        leftImg8bit/bonn/0001.png gtFine/bonn/0001_labelTrainIds.png
        /JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png

    Paths are relative to `folder`, also with a slash at the beginning, unless such a
    file exists. Empty lines and lines that begin with "#" are skipped.

    Files are read as in `LabelledFiles`. All headers are read at construction.

    Args:
        list_file: str or path of the text file.
        class_names: sequence of str. The names of class 0, class 1 and so on.
        folder: str or path to which the listed paths are relative, or `None` for the
            folder of `list_file`.
        **options: Further arguments of `LabelledFiles`, such as `palette`, `label_map`
            and `channels`.

    Raises:
        FileNotFoundError: If the list or a listed file is missing.
        ValueError: At construction, if a line has another form, if a file is unreadable
            or of the wrong kind, if an image has another number of channels or needs a
            `value_range`, or if an image and its label differ in size. When reading, if
            a file is damaged or a label holds a value that is neither a class nor
            `ignore_class`.

    Example:
        `ImageList("train.txt", ["road", "car"])`
    """

    def __init__(
        self,
        list_file: PathLike,
        class_names: Sequence[str],
        folder: PathLike | None = None,
        **options: Any,
    ) -> None:
        list_file = as_path(list_file)
        pairs = listed_pairs(list_file, as_path(folder or list_file.parent))
        super().__init__(pairs, class_names, **options)
        self._check_all_headers()
