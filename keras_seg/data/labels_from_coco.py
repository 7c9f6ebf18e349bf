import json
import math
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath

import numpy as np

from keras_seg.data.shorten import shorten
from keras_seg.data.write_label import (
    check_ignore_class,
    check_label_paths,
    write_label,
)
from keras_seg.local_path import local_path
from keras_seg.typing import PathLike


def labels_from_coco(
    annotations: PathLike,
    folder: PathLike,
    class_names: Sequence[str] | None = None,
    background: str | None = "background",
    ignore_class: int = 255,
) -> tuple[str, ...]:
    """Writes label PNGs from COCO annotations, both polygons and run-length encodings.

    Each image of the file gets a PNG of the same name and size, even if it has no
    objects. If objects overlap, the smaller one is on top. Crowds are labeled with
    their class. Polygons of fewer than three points cover no pixels. Annotations of
    images that the file does not list are left out.

    Args:
        annotations: str or path of a COCO file, such as instances_train2017.json.
        folder: str or path of the output folder, created if it does not exist.
        class_names: sequence of str, the classes in order, some of which may not occur
            in the annotations; `None` for `background` and the categories of the file,
            sorted by id. Use the same for training and validation images.
        background: str. The name of the class of pixels without an object; `None` makes
            them `ignore_class`.
        ignore_class: int up to 65535, and none of the classes if pixels are ignored.

    Returns:
        tuple of str, the names of the classes.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If pycocotools, of the extra `labels`, is not installed.
        ValueError: If the file is not a COCO file, if an image has no size, if a
            category is not in `class_names`, if an object has an unknown category, no
            segmentation, or one of another form or size, if pixels are ignored and
            `ignore_class` is one of the classes, if two images have the same label
            file, or if a label would overwrite a file that this package has not
            written.

    Example:
        ```python
        names = labels_from_coco("instances_train.json", "data/train/labels")
        dataset = ImageFolder("data/train/images", "data/train/labels", names)
        ```

    References:
        [Lin et al., 2014](https://arxiv.org/abs/1405.0312)
    """
    content = _read(annotations)
    categories = _categories(content)
    if class_names is None:
        class_names = _default_names(categories, background)
    class_names = tuple(class_names)
    classes = _classes(annotations, categories, class_names, background)
    if background is None:
        check_ignore_class(ignore_class, len(class_names))
    fill = ignore_class if background is None else class_names.index(background)
    objects: dict = {}
    # As text, since some tools write the ids of either list as text.
    sizes = {str(image["id"]): _size(image) for image in content["images"]}
    for entry in content["annotations"]:
        image_id = str(entry["image_id"])
        if image_id in sizes:
            _check_category(entry, categories)
            _check_segmentation(entry, sizes[image_id])
            objects.setdefault(image_id, []).append(entry)
    files = _files(content["images"], local_path(folder))
    check_label_paths(dict.fromkeys(files))
    for path, image in files.items():
        size = _size(image)
        label = np.full(size, fill, "int32")
        masks = [
            (_mask(entry, size), classes[entry["category_id"]])
            for entry in objects.get(str(image["id"]), ())
        ]
        for mask, value in sorted(masks, key=lambda pair: -pair[0].sum()):
            label[mask] = value
        write_label(path, label, len(class_names))
    return class_names


def coco_class_names(
    annotations: PathLike, background: str | None = "background"
) -> tuple[str, ...]:
    """Returns the default `class_names` of `labels_from_coco`, and writes nothing."""
    return _default_names(_categories(_read(annotations)), background)


def _read(annotations):
    content = json.loads(local_path(annotations).read_text(encoding="utf-8"))
    keys = {*content} if isinstance(content, dict) else set()
    missing = {"images", "annotations", "categories"} - keys
    if missing:
        raise ValueError(
            f"{annotations} must be a COCO file with images, annotations and "
            f"categories. It lacks: {', '.join(sorted(missing))}"
        )
    return content


def _categories(content):
    """Returns `{category id: name}`, sorted by id."""
    return {
        category["id"]: category["name"]
        for category in sorted(content["categories"], key=lambda entry: entry["id"])
    }


def _default_names(categories, background):
    names = (*[background] * (background is not None), *categories.values())
    return tuple(dict.fromkeys(names))  # a category may be the background


def _classes(annotations, categories, class_names, background):
    """Returns `{category id: class}`."""
    if background is not None and background not in class_names:
        raise ValueError(
            f"`class_names` must hold the `background`, {background!r}, of pixels "
            "without an object; `background=None` ignores them. Received: "
            f"{class_names}"
        )
    unknown = [name for name in categories.values() if name not in class_names]
    if unknown:
        raise ValueError(
            f"`class_names` must hold the categories of {annotations}. Missing: "
            f"{shorten(unknown)}"
        )
    return {key: class_names.index(name) for key, name in categories.items()}


def _size(image):
    """Returns the height and width of an image, which some tools write as floats."""
    size = image.get("height"), image.get("width")
    if not all(isinstance(side, (int, float)) and side >= 1 for side in size):
        raise ValueError(
            "Images must have a height and a width in pixels. Received: "
            f"{size[0]} and {size[1]}, of {image.get('file_name')}"
        )
    return int(size[0]), int(size[1])


def _files(images, folder):
    """Returns `{path of the label: entry of the image}`."""
    files = {}
    for image in images:
        name = PurePosixPath(image["file_name"].replace("\\", "/"))  # of Windows
        is_absolute = name.is_absolute() or PureWindowsPath(str(name)).is_absolute()
        if is_absolute or ".." in name.parts:
            raise ValueError(
                f"File names must be paths below the images' folder. Received: {name}"
            )
        path = folder / name.with_suffix(".png")
        if path in files:
            raise ValueError(
                f"Two images have the same label, {path}: {name} and "
                f"{files[path]['file_name']}. Rename one of them."
            )
        files[path] = image
    return files


def _check_category(entry, categories):
    if entry.get("category_id") not in categories:
        raise ValueError(
            "The category_id of an annotation must be an id of the file. Received: "
            f"{entry.get('category_id')}, in the annotation with id {entry.get('id')}"
        )


def _check_segmentation(entry, size):
    shape = entry.get("segmentation")
    if not shape:
        raise ValueError(
            "Annotations must have a segmentation, polygons or run lengths. Received: "
            f"an annotation without one, id {entry.get('id')}"
        )
    if isinstance(shape, dict):
        if shape.get("size") != [*size] or "counts" not in shape:
            raise ValueError(
                f"The run lengths of an object must have the size of its image, {size}"
                f", and counts. Received: size {shape.get('size')}, in the annotation "
                f"with id {entry.get('id')}"
            )
        return
    for polygon in shape if isinstance(shape, list) else [shape]:
        # pycocotools would not check the numbers, and exhaust the memory.
        if not isinstance(polygon, list) or len(polygon) % 2 or not _finite(polygon):
            received = shorten(polygon) if isinstance(polygon, list) else polygon
            raise ValueError(
                "A segmentation must be run lengths or a list of polygons, each a list "
                f"[x, y, x, y, ...]. Received: {received}, in the annotation with id "
                f"{entry.get('id')}"
            )


def _finite(values):
    return all(isinstance(x, (int, float)) and math.isfinite(x) for x in values)


def _mask(entry, size):
    """Returns the mask of an object, bool of the size of its image."""
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            "COCO annotations need pycocotools: pip install 'keras-seg[labels]'"
        ) from error
    shape = entry["segmentation"]
    if isinstance(shape, list):
        # pycocotools would take the four numbers of two points for a box.
        polygons = [polygon for polygon in shape if len(polygon) >= 6]
        if not polygons:
            return np.zeros(size, bool)
        encoded = mask.merge(mask.frPyObjects(polygons, *size))
    elif isinstance(shape["counts"], list):
        encoded = mask.frPyObjects(shape, *size)
    else:
        encoded = shape
    return mask.decode(encoded).astype(bool)
