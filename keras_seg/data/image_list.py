from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from keras_seg.data._pictures import MAX_PIXELS
from keras_seg.data.labelled_files import LabelledFiles
from keras_seg.data.listed_pairs import listed_pairs
from keras_seg.data.storage import as_path
from keras_seg.typing import PathLike, ValueRange


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
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int up to 65535. The label of ignored pixels.
        label_map: dict `{value in the files: class or ignore_class}`, or `None` if the
            files hold the classes; see `LabelledFiles`.
        label_colors: The meaning of the colours in label files; see `LabelledFiles`.
        ignore_unknown_colors: bool; see `LabelledFiles`.
        channels: int. The number of image channels; see `keras_seg.data.read_image`.
        value_range: pair, number or `None`. The values of black and white in images of
            more than 8 bits; see `keras_seg.data.read_image`.
        max_pixels: int. Larger files are rejected.
        folder: str or path to which the listed paths are relative, or `None` for the
            folder of `list_file`.

    Raises:
        FileNotFoundError: If the list or a listed file is missing.
        ValueError: At construction, if a line has another form, if a file is unreadable
            or of the wrong kind, or if an image and its label differ in size. When
            reading, if a file is damaged or a label holds a value that is neither a
            class nor `ignore_class`.

    Example:
        `ImageList("train.txt", ["road", "car"])`
    """

    def __init__(
        self,
        list_file: PathLike,
        class_names: Sequence[str],
        palette: ArrayLike | None = None,
        ignore_class: int = 255,
        label_map: Mapping[int, int] | None = None,
        label_colors: Mapping[tuple, int] | bool | None = None,
        ignore_unknown_colors: bool = False,
        channels: int = 3,
        value_range: ValueRange = None,
        max_pixels: int = MAX_PIXELS,
        folder: PathLike | None = None,
    ) -> None:
        list_file = as_path(list_file)
        super().__init__(
            listed_pairs(list_file, as_path(folder or list_file.parent)),
            class_names,
            palette,
            ignore_class,
            label_map,
            label_colors,
            ignore_unknown_colors,
            channels,
            value_range,
            max_pixels,
        )
        found = {self.check_headers(index) for index in range(len(self))}
        self.image_dtype = "float32" if "float32" in found else "uint8"
