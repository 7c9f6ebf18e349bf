from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from keras_seg.data._pictures import MAX_PIXELS
from keras_seg.data.file_names import STEM, FileNames, pairs_of_files
from keras_seg.data.find_files import IMAGE_SUFFIXES, LABEL_SUFFIXES
from keras_seg.data.labelled_files import LabelledFiles
from keras_seg.typing import PathLike, ValueRange


class ImageFolder(LabelledFiles):
    """A folder of images and a folder of labels, paired by file name.

    An image and its label have the same path below their folders, except for the
    suffix: `images/bonn/0001.jpg` belongs to `labels/bonn/0001.png`. `image_name` and
    `label_name` describe other naming schemes: with `label_name="{stem}_mask"` the
    label is `labels/bonn/0001_mask.png`. Images and labels may be in the same folder.

    Files are read as in `LabelledFiles`: images from PNG, JPEG, BMP, GIF, WebP, TIFF
    and .npy files; labels from PNG, TIFF, BMP, GIF and .npy files, as values or as
    colors. All headers are read at construction, so that missing files and wrong sizes
    are found before training begins; pixels are read by index.

    Args:
        image_dir: str or path. The folder of the images, including sub-folders and
            linked folders.
        label_dir: str or path. The folder of the labels.
        class_names: sequence of str. The names of class 0, class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int up to 65535. The label of ignored pixels.
        label_map: dict `{value in the files: class or ignore_class}`, or `None` if the
            files hold the classes; see `LabelledFiles`.
        label_colors: The meaning of the colors in label files; see `LabelledFiles`.
        ignore_unknown_colors: bool; see `LabelledFiles`.
        channels: int. The number of image channels; see `keras_seg.data.read_image`.
        value_range: pair, number or `None`. The values of black and white in images of
            more than 8 bits; see `keras_seg.data.read_image`.
        max_pixels: int. Larger files are rejected.
        image_name: str. The file name of an image, in which `{stem}` stands for the
            part that image and label share. With a suffix, as in `"{stem}.jpg"`, other
            files are skipped.
        label_name: str. The file name of a label in the same form, such as
            `"{stem}_mask"` or `"{stem}_gt.tif"`.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: At construction, if there are no images, if an image has no label or
            a label no image, if a file is unreadable or of the wrong kind, if an image
            has another number of channels or needs a `value_range`, or if an image and
            its label differ in size. When reading, if a file is damaged or a label
            holds a value that is neither a class nor `ignore_class`.

    Example:
        ```python
        names, label_map = ["road", "car"], {7: 0, 26: 1}
        dataset = ImageFolder("images", "labels", names, label_map=label_map)
        image, label = dataset[0]  # uint8 (height, width, 3), uint8 (height, width)
        ```
    """

    def __init__(
        self,
        image_dir: PathLike,
        label_dir: PathLike,
        class_names: Sequence[str],
        palette: ArrayLike | None = None,
        ignore_class: int = 255,
        label_map: Mapping[int, int] | None = None,
        label_colors: Mapping[tuple, int] | bool | None = None,
        ignore_unknown_colors: bool = False,
        channels: int = 3,
        value_range: ValueRange = None,
        max_pixels: int = MAX_PIXELS,
        image_name: str = STEM,
        label_name: str = STEM,
    ) -> None:
        images = FileNames("image", image_dir, image_name, IMAGE_SUFFIXES)
        labels = FileNames("label", label_dir, label_name, LABEL_SUFFIXES)
        super().__init__(
            pairs_of_files(images, labels),
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
        self._check_all_headers()
