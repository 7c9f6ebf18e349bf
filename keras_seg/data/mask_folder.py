import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from keras_seg.data._pictures import MAX_PIXELS, open_picture
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.file_names import STEM, FileNames, pairs_of_files, shown
from keras_seg.data.find_files import IMAGE_SUFFIXES, LABEL_SUFFIXES
from keras_seg.data.labelled_files import LabelledFiles
from keras_seg.data.read_label import check_lossless, whole_numbers
from keras_seg.data.shorten import have, shorten
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike, ValueRange

_CLASS = "{class}"
_ABSENT_AND_PRESENT = ((0, 0, 0), (255, 255, 255))
_MISSING = ("error", "absent", "ignored")


class MaskFolder(SegmentationDataset):
    """A folder of images and a folder of binary masks of independent classes.

    A pixel may have any number of the classes. By default, each class has a sub-folder
    of masks: the mask of class "wet" for `images/bonn/0001.jpg` is
    `masks/wet/bonn/0001.png`. `label_name` describes other layouts:

    - `"{class}/{stem}"`: a folder for each class.
    - `"{stem}_{class}"`, or another name with both: the class is part of the name, as
      in `masks/bonn/0001_wet.png`.
    - `"{stem}"`: one file for each image with a channel for each class, in the order
      of `class_names`: a .npy array `(height, width, classes)`, TIFF or PNG.

    Masks are PNG, TIFF, BMP, GIF or .npy files of 0 (absent), 1 (present) and
    `ignore_class`, black and white files of 1 bit, or RGB files of black and white.
    Files of 0 and 255 need `label_map={0: 0, 255: 1}`.

    Args:
        image_dir: str or path. The folder of the images, including sub-folders and
            linked folders.
        label_dir: str or path. The folder of the masks.
        class_names: sequence of str. The names of class 0, class 1 and so on.
        palette: uint8 array `(num_classes, 3)`, or `None` for `default_palette`.
        ignore_class: int in 2..65535. The label of ignored pixels.
        label_map: dict `{value in the files: 0, 1 or ignore_class}`, or `None` if the
            files hold these values.
        channels: int. The number of image channels; see `keras_seg.data.read_image`.
        value_range: pair, number or `None`. The values of black and white in images of
            more than 8 bits; see `keras_seg.data.read_image`.
        max_pixels: int. Larger files are rejected.
        image_name: str. The file name of an image; see `ImageFolder`.
        label_name: str. The file name of a mask, as above, optionally with a suffix.
        missing_masks: The meaning of an image without the mask of a class: "error",
            "absent" (the class is not in the image) or "ignored" (it is not known).
            Unless it is "error", a class may be without masks.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: At construction, if there are no images, if an image has no mask or
            a mask no image, if a file is unreadable or of the wrong kind, if an image
            has another number of channels or needs a `value_range`, or if an image and
            its mask differ in size. When reading, if a file is damaged or a mask holds
            another value.

    Example:
        ```python
        names, label_map = ["road", "wet"], {0: 0, 255: 1}
        dataset = MaskFolder("images", "masks", names, label_map=label_map)
        image, label = dataset[0]  # uint8 (height, width, 3), uint8 (height, width, 2)
        ```
    """

    independent_classes = True

    def __init__(
        self,
        image_dir: PathLike,
        label_dir: PathLike,
        class_names: Sequence[str],
        palette: ArrayLike | None = None,
        ignore_class: int = 255,
        label_map: Mapping[int, int] | None = None,
        channels: int = 3,
        value_range: ValueRange = None,
        max_pixels: int = MAX_PIXELS,
        image_name: str = STEM,
        label_name: str = f"{_CLASS}/{STEM}",
        missing_masks: str = "error",
    ) -> None:
        super().__init__(class_names, palette, ignore_class)
        if missing_masks not in _MISSING:
            raise ValueError(
                f"`missing_masks` must be one of {', '.join(_MISSING)}. "
                f"Received: {missing_masks=}"
            )
        images = FileNames("image", image_dir, image_name, IMAGE_SUFFIXES)
        self._has_channels = _CLASS not in label_name
        if self._has_channels:
            masks = FileNames("label", label_dir, label_name, LABEL_SUFFIXES)
            pairs = pairs_of_files(images, masks)
            self.image_paths = [image for image, _ in pairs]
            paths = [[mask for _, mask in pairs]]
        else:
            files = _files_of_classes(
                label_dir, label_name, self.class_names, missing_masks != "error"
            )
            files = dict(zip(self.class_names, files, strict=True))
            self.image_paths, paths = _paths(images, files, missing_masks)
        self._missing = missing_masks
        self._max_pixels = max_pixels
        self.channels = channels
        self.label_paths = [*zip(*paths, strict=True)]
        # The masks of each class; of channels, this reads the images and the values.
        self._of_class = [
            LabelledFiles(
                [*zip(self.image_paths, masks, strict=True)],
                ("absent", "present"),
                _ABSENT_AND_PRESENT,
                ignore_class,
                label_map,
                channels=channels,
                value_range=value_range,
                max_pixels=max_pixels,
            )
            for masks in paths
        ]
        check = self._check_channels if self._has_channels else self._check_masks
        found = {check(index) for index in range(len(self))}
        self.image_dtype = "float32" if "float32" in found else "uint8"
        for files in self._of_class:
            files.image_dtype = self.image_dtype

    def __len__(self):
        return len(self.image_paths)

    def __getitem__(self, index):
        return self._of_class[0].read_image(index), self.read_label(index)

    def read_label(self, index: int) -> np.ndarray:
        if self._has_channels:
            return self._read_channels(index)
        planes = [files.read_label(index) for files in self._of_class]
        if self._missing == "absent":
            for plane, path in zip(planes, self.label_paths[index], strict=True):
                if path is None:
                    plane.fill(0)
        return np.stack(planes, axis=-1)

    def _check_masks(self, index):
        (dtype,) = {files.check_headers(index) for files in self._of_class}
        return dtype

    def _check_channels(self, index):
        """Checks the headers of a file of channels, as `check_headers` does others."""
        (path,), files = self.label_paths[index], self._of_class[0]
        check_lossless(path)
        with open_picture(path, self._max_pixels) as masks:
            if masks.channels != self.num_classes or masks.palette is not None:
                raise ValueError(
                    f"The label {masks.name} must have a channel for each of the "
                    f"{self.num_classes} classes. Received: {masks.channels} channels"
                    f"{' with a palette' if masks.palette is not None else ''}. For "
                    "one file per class, state `label_name`, such as "
                    f"'{_CLASS}/{STEM}' or '{STEM}_{_CLASS}'."
                )
            return files.check_image(index, masks)

    def _read_channels(self, index):
        (path,), files = self.label_paths[index], self._of_class[0]
        self._check_channels(index)
        with open_picture(path, self._max_pixels) as masks:
            pixels = masks.read()
        return files.classes_of_values(masks.name, whole_numbers(masks.name, pixels))


def _files_of_classes(folder, name, class_names, may_be_empty):
    """Returns the `FileNames` of the masks of each class."""
    folder = as_path(folder)
    if name.count(_CLASS) != 1:
        raise ValueError(
            f"`label_name` must hold {_CLASS} once, or not at all. Received: {name!r}"
        )
    if not name.startswith(f"{_CLASS}/"):
        names = [name.replace(_CLASS, each) for each in class_names]
        return [
            FileNames("label", folder, each, LABEL_SUFFIXES, may_be_empty)
            for each in names
        ]
    folders = [_folder_of_class(folder, each) for each in class_names]
    missing = [
        each for each, path in zip(class_names, folders, strict=True) if path is None
    ]
    if missing:
        found = sorted(x.name for x in folder.iterdir()) if folder.is_dir() else []
        raise FileNotFoundError(
            f"{str(folder)!r} must hold a folder of masks for each class. Missing: "
            f"{shorten(missing)}. It holds {shorten(found) or 'nothing'}. State other "
            f"layouts by `label_name` (--label-name): '{STEM}_{_CLASS}' if the class "
            f"is part of the name, '{STEM}' for files with a channel for each class."
        )
    name = name.removeprefix(f"{_CLASS}/")
    return [
        FileNames("label", path, name, LABEL_SUFFIXES, may_be_empty) for path in folders
    ]


def _folder_of_class(folder, name):
    """Returns the folder of a class, in either spelling of accents, or None."""
    names = name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return next((folder / x for x in names if (folder / x).is_dir()), None)


def _paths(images, masks, missing):
    """Returns the paths of the images, and for each class those of masks or None.

    Args:
        images: `FileNames`.
        masks: dict `{class name: FileNames}`.
        missing: `missing_masks` of `MaskFolder`.
    """
    found = {name: files.by_stem(images) for name, files in masks.items()}
    # In a common folder, a mask is no image.
    of_masks = {path for files in found.values() for path in files.values()}
    if not of_masks:
        raise ValueError(
            f"There are no masks of any of the classes {', '.join(masks)}."
        )
    image_files = images.by_stem(next(iter(masks.values())))
    image_files = {x: path for x, path in image_files.items() if path not in of_masks}
    stems = sorted(image_files)
    used = {files.get(stem) for files in found.values() for stem in stems}
    alone = sorted(map(str, of_masks - used))
    if alone:
        raise ValueError(
            f"{have(len(alone), 'mask')} no image of the same name: {shorten(alone)}. "
            f"{str(images.folder)!r} holds {shown(images.paths, images.folder)}."
        )
    without = [
        f"{image_files[stem]} ({name})"
        for stem in stems
        for name, files in found.items()
        if stem not in files
    ]
    if without and missing == "error":
        raise ValueError(
            f"Masks are missing: {shorten(without)}. If the classes "
            'are not in these images, pass missing_masks="absent"; if they are not '
            'labeled, missing_masks="ignored" (--missing-masks).'
        )
    return (
        [image_files[stem] for stem in stems],
        [[files.get(stem) for stem in stems] for files in found.values()],
    )
