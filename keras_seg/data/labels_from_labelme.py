import base64
import json
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from keras_seg.data.find_files import find_files
from keras_seg.data.read_label import read_label
from keras_seg.data.shorten import shorten
from keras_seg.data.write_label import (
    check_ignore_class,
    check_label_paths,
    write_label,
)
from keras_seg.local_path import local_path
from keras_seg.typing import PathLike

_IGNORED = "__ignore__"


def labels_from_labelme(
    source: PathLike,
    folder: PathLike,
    class_names: Sequence[str] | None = None,
    background: str | None = "_background_",
    ignore_class: int = 255,
) -> tuple[str, ...]:
    """Writes label PNGs from labelme's polygons, rectangles, circles and masks.

    Each file `a.json` becomes a PNG `a.png` of the size of its image; sub-folders are
    kept. Shapes are drawn in the order of the file, as in labelme, so that later shapes
    cover earlier ones. The label `__ignore__` becomes `ignore_class`.

    Args:
        source: str or path. The folder of the .json files.
        folder: str or path of the output folder, created if it does not exist.
        class_names: sequence of str, the classes in order; `None` for `background` and
            the labels that occur, in alphabetical order. Use the same for training and
            validation images.
        background: str. The name of the class of pixels without a shape; `None` makes
            them `ignore_class`.
        ignore_class: int up to 65535, and none of the classes if pixels are ignored.

    Returns:
        tuple of str, the names of the classes.

    Raises:
        FileNotFoundError: If the folder `source` does not exist.
        ValueError: If there are no files, if a file is not a labelme file, if a label
            is not in `class_names`, if pixels are ignored and `ignore_class` is one of
            the classes, or if a label would overwrite a file that this package has not
            written.

    Example:
        ```python
        names = labels_from_labelme("data/train/images", "data/train/labels")
        ```

    References:
        [labelme](https://github.com/wkentaro/labelme)
    """
    source, folder = local_path(source), local_path(folder)
    files = _read_all(source)
    if class_names is None:
        class_names = _default_names(files, background)
    class_names = tuple(class_names)
    if background is not None and background not in class_names:
        raise ValueError(
            f"`class_names` must hold the `background`, {background!r}, of pixels "
            f"without a shape; `background=None` ignores them. Received: {class_names}"
        )
    if background is None or _IGNORED in _used_labels(files):
        check_ignore_class(ignore_class, len(class_names))
    classes = {name: index for index, name in enumerate(class_names)}
    fill = ignore_class if background is None else classes[background]
    classes[_IGNORED] = ignore_class
    labels = {
        path: folder / path.relative_to(source).with_suffix(".png") for path in files
    }
    check_label_paths(
        {
            labels[path]: path.parent / str(file.get("imagePath")).replace("\\", "/")
            for path, file in files.items()
        }
    )
    for path, file in files.items():
        _check_shapes(path, file["shapes"], classes)
    for path, file in files.items():
        write_label(labels[path], _draw(file, classes, fill), len(class_names))
    return class_names


def labelme_class_names(
    source: PathLike, background: str | None = "_background_"
) -> tuple[str, ...]:
    """Returns the default `class_names` of `labels_from_labelme`; writes nothing."""
    return _default_names(_read_all(local_path(source)), background)


def _default_names(files, background):
    others = sorted(_used_labels(files) - {_IGNORED, background})
    return (*[background] * (background is not None), *others)


def _used_labels(files):
    return {shape["label"] for file in files.values() for shape in file["shapes"]}


def _read_all(source):
    """Returns `{path: content}` of the labelme files in a folder."""
    if not source.is_dir():
        raise FileNotFoundError(f"There is no folder {source}")
    paths = find_files(source, (".json",))
    if not paths:
        raise ValueError(f"{source} must hold labelme files that end in .json")
    return {path: _read(path) for path in paths}


def _read(path):
    try:
        file = json.loads(path.read_text(encoding="utf-8"))
        _ = file["imageHeight"] + file["imageWidth"]
        for shape in file["shapes"]:
            if not all(math.isfinite(x + y) for x, y in shape["points"]):
                raise ValueError(f"points of {shape['label']!r} are not finite")
            _ = shape["label"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must be a labelme file with shapes, imageHeight and "
            f"imageWidth. {type(error).__name__}: {error}"
        ) from error
    return file


def _check_shapes(path, shapes, classes):
    """Raises an error for shapes that `_draw` cannot draw."""
    unknown = sorted({shape["label"] for shape in shapes} - {*classes})
    if unknown:
        raise ValueError(
            f"`class_names` must hold the labels of {path}. Missing: {shorten(unknown)}"
        )
    for shape in shapes:
        kind, count = _kind(shape), len(shape["points"])
        has_area = {
            "polygon": count > 2,
            "rectangle": count == 2,
            "circle": count == 2,
            "mask": count > 0 and bool(shape.get("mask")),
        }
        if not has_area.get(kind):
            raise ValueError(
                "Shapes must be polygons, rectangles, circles or masks, which have an "
                f"area. Received: a {kind} of {count} points, {shape['label']!r} in "
                f"{path}"
            )


def _kind(shape):
    return shape.get("shape_type") or "polygon"


def _draw(file, classes, fill):
    size = file["imageHeight"], file["imageWidth"]
    label = np.full(size, fill, "int32")
    for shape in file["shapes"]:
        label[_mask(shape, size)] = classes[shape["label"]]
    return label


def _mask(shape, size):
    """Returns the mask of a shape, bool of the size of its image."""
    points = [tuple(point) for point in shape["points"]]
    kind = _kind(shape)
    if kind == "mask":
        return _stored_mask(shape, points, size)
    image = Image.new("1", size[::-1])
    draw = ImageDraw.Draw(image)
    if kind == "polygon":
        draw.polygon(points, fill=1, outline=1)
    elif kind == "rectangle":
        (left, right), (top, bottom) = map(sorted, zip(*points, strict=True))
        draw.rectangle((left, top, right, bottom), fill=1, outline=1)
    else:
        (x, y), rim = points
        radius = math.dist((x, y), rim)
        box = x - radius, y - radius, x + radius, y + radius
        draw.ellipse(box, fill=1, outline=1)
    return np.array(image)


def _stored_mask(shape, points, size):
    """Decodes a mask that is stored as a PNG, placed at its first point."""
    left, top = (round(value) for value in points[0])
    part = read_label(base64.b64decode(shape["mask"])).astype(bool)
    mask = np.zeros(size, bool)
    part = part[: size[0] - top, : size[1] - left]
    mask[top : top + part.shape[0], left : left + part.shape[1]] = part
    return mask
