import re
from pathlib import Path

import numpy as np

from keras_seg.data import camvid, pascal_context, pascal_voc, street_classes
from keras_seg.data import street_scenes as scenes
from keras_seg.data.ade20k_classes import ADE20K_COLORS
from keras_seg.data.palette import default_palette
from keras_seg.data.voc_colors import voc_colors


def _table(names, colors):
    return dict(zip(names, colors, strict=True))


_STREETS = _table(street_classes.NAMES, street_classes.COLORS)
CLASS_TABLES = {  # the colour of each class by its name
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
_COLOR = re.compile(r"(.*\S)\s+#([0-9a-fA-F]{6})")


def class_table(source):
    """The names and colours of the classes of a data set, or those in a text file.

    Args:
        source: a name of `CLASS_TABLES`, such as "camvid"; or the path of a text file
            with a class a line, in their order: a name, and where every line has one
            also a colour, as in `road #804080`.

    Returns:
        The names, a tuple of str, and the palette, uint8 `(num_classes, 3)`:
        `default_palette` where the file has no colours.

    Raises:
        FileNotFoundError: If `source` is neither.
        ValueError: If the file names no class, one twice, or has colours for some only.

    Example: `names, palette = class_table("camvid")`
    """
    if source in CLASS_TABLES:
        colors = CLASS_TABLES[source]
        return tuple(colors), np.array(list(colors.values()), "uint8")
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"Classes must be one of {', '.join(sorted(CLASS_TABLES))}, or a text file "
            f"with a class a line. Received: {str(source)!r}"
        )
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    matches = [_COLOR.fullmatch(line) or line for line in lines if line]
    colored = [match for match in matches if isinstance(match, re.Match)]
    if not matches or len(colored) not in (0, len(matches)):
        raise ValueError(
            f"{path} must have a class a line, with a colour such as #804080 after "
            f"every name or after none. Received: {len(matches)} classes and "
            f"{len(colored)} colours"
        )
    if not colored:
        return _unique(path, matches), default_palette(len(matches))
    colors = [list(bytes.fromhex(match[2])) for match in colored]
    return _unique(path, [match[1] for match in colored]), np.array(colors, "uint8")


def _unique(path, names):
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise ValueError(
            f"{path} must name each class once. Received twice: {', '.join(repeated)}"
        )
    return tuple(names)
