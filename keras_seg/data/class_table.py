import numpy as np

from keras_seg.data import camvid, pascal_context, pascal_voc, street_classes
from keras_seg.data import street_scenes as scenes
from keras_seg.data.ade20k_classes import ADE20K_COLORS
from keras_seg.data.class_file import read_class_file
from keras_seg.data.palette import default_palette
from keras_seg.data.voc_colors import voc_colors
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike


def _table(names, colors):
    return dict(zip(names, colors, strict=True))


_STREETS = _table(street_classes.NAMES, street_classes.COLORS)
CLASS_TABLES = {
    "ade20k": ADE20K_COLORS,
    "bdd100k": _STREETS,
    "camvid": camvid.COLORS,
    "cityscapes": _STREETS,
    "pascal_context": _table(
        pascal_context.NAMES, voc_colors(len(pascal_context.NAMES) + 1)[1:]
    ),
    "scenes": scenes.COLORS,
    "voc": _table(pascal_voc.NAMES, voc_colors(len(pascal_voc.NAMES))),
}
"""Colors of the published data sets: for each name, a dict `{class: (r, g, b)}`."""


def class_table(source: PathLike) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the names and colors of the classes of a known data set or of a file.

    A text file has one class per line, in the order of the classes: a name, and a
    color on every line or on none, as in `road #804080`. Lines that begin with `#` are
    comments. These formats of other tools are supported too:

    - `road 128 64 128`, `road,128,64,128` and `128 64 128 road`, as in CamVid, with or
      without a heading such as `name,r,g,b`;
    - CVAT's labelmap.txt, `road:128,64,128::`;
    - labelme's labels.txt; `__ignore__` is not a class, and the colors are those of
      VOC if the file begins with `_background_`;
    - Supervisely's meta.json, with the classes in its order;
    - lines that begin with the class number, `0 road`, counted from 0.

    Args:
        source: a name in `CLASS_TABLES`, such as "camvid"; or the path of a file.

    Returns:
        The names, a tuple of str, and the palette, uint8 `(num_classes, 3)`, which is
        `default_palette` if the file has no colors.

    Raises:
        FileNotFoundError: If `source` is neither.
        ValueError: If the file names no class, names one twice, has colors for some
            classes only, or has an ambiguous line, which the error names.

    Example:
        `names, palette = class_table("camvid")`
    """
    if source in CLASS_TABLES:
        colors = CLASS_TABLES[source]
        return tuple(colors), np.array(list(colors.values()), "uint8")
    if not as_path(source).is_file():
        raise FileNotFoundError(
            f"Classes must be one of {', '.join(sorted(CLASS_TABLES))}, or a text file "
            f"with one class per line. Received: {str(source)!r}"
        )
    names, palette = read_class_file(source)
    return names, default_palette(len(names)) if palette is None else palette
