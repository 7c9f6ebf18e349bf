"""Text files of classes, in the format of this package and those of other tools."""

import json
import re

import numpy as np

from keras_seg.data.text_file import read_text_file
from keras_seg.data.voc_colors import voc_colors
from keras_seg.storage.paths import as_path

CLASS_FILES = (
    "classes.txt",
    "labelmap.txt",
    "labels.txt",
    "label_colors.txt",
    "class_dict.csv",
    "meta.json",
)  # the names of this package, CVAT, labelme, CamVid, Kaggle and Supervisely

_SEPARATOR = r"[\s,;]+"
_RGB = _SEPARATOR.join([r"(\d+)"] * 3)
_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_HEX = r"[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?"  # the last two are the opacity
# The groups of each are the name, and the color in hexadecimal or as three numbers.
_HEX_LAST = re.compile(rf"(?P<name>.*\S){_SEPARATOR}#(?P<hex>{_HEX})")
_HEX_FIRST = re.compile(rf"#(?P<hex>{_HEX}){_SEPARATOR}(?P<name>\S.*)")
_CVAT = re.compile(r"(?P<name>[^:]+):(?P<rgb>\d+,\d+,\d+)?:[^:]*:[^:]*")
_RGB_LAST = re.compile(rf"(?P<name>.*?[^\s,;]){_SEPARATOR}(?P<rgb>{_RGB})")
_RGB_FIRST = re.compile(rf"(?P<rgb>{_RGB}){_SEPARATOR}(?P<name>\S.*)")
_FORMS = (_HEX_LAST, _HEX_FIRST, _CVAT, _RGB_LAST, _RGB_FIRST)

_NUMBERED = re.compile(r"(\d+)\s*(?:[,:;]|\s)\s*(?=\S)(.*)")
_LOOSE_NUMBERS = re.compile(
    rf"{_NUMBER}(?:{_SEPARATOR}{_NUMBER})+\b.*|.*?{_SEPARATOR}{_NUMBER}{_SEPARATOR}{_NUMBER}"
)
_HEADING = {
    *("name", "names", "class", "classes", "label", "labels", "class_name"),
    *("category", "title", "id", "index", "class_id", "label_id"),
    *("r", "g", "b", "red", "green", "blue", "color", "colour", "rgb", "hex"),
}
_HEADING_OF_NUMBERS = {"r", "red", "color", "colour", "rgb", "hex", "id", "index"}
_BACKGROUND, _IGNORED = "_background_", "__ignore__"  # labels of labelme
# Colors that are not in one of the forms above, lists of JSON and YAML, and tables with
# class numbers after the names or with each field in quotes.
_DOUBTFUL = re.compile(
    rf".*{_SEPARATOR}(?:#[0-9a-fA-F]{{3,8}}|rgba?\(.*|\(\s*\d+\s*,.*)"
    r"|\[.*[\"',].*|-\s.*|.*[,;]\s*\d+|\".*\"\s*[,;]\s*\".*"
)
_OTHER_FORMATS = (".yaml", ".yml", ".xml", ".toml", ".pbtxt", ".png")


def read_class_file(path):
    """Returns the names and colors of the classes in a file, in their order.

    Args:
        path: str or path of the file; `keras_seg.data.class_table` describes its
            formats.

    Returns:
        The names, a tuple of str, and the palette, uint8 `(num_classes, 3)`, or None if
        the file has no colors.

    Raises:
        ValueError: If the file has another format or is ambiguous; the error names the
            line.
    """
    path = as_path(path)
    if path.suffix.lower() in _OTHER_FORMATS:
        raise ValueError(
            "Classes must be in a text file, a table (.csv) or Supervisely's "
            f"meta.json. Received: {path}"
        )
    text = read_text_file(path)
    if path.suffix.lower() == ".json":
        return _of_supervisely(path, text)
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not _is_comment(line.strip())
    ]
    lines = _without_heading(path, lines)
    if not lines:
        raise ValueError(f"{path} must name at least one class. Received: none.")
    if len(lines) == 1 and _is_list(lines[0][1]):
        raise ValueError(
            f"{path} must have one class per line. Received one line that seems to "
            f"list several: {lines[0][1]!r}"
        )
    lines = _without_numbers(path, lines)
    if lines[0][1] == _IGNORED:  # labelme's -1, which is not a class
        lines = lines[1:]
    entries = [(number, *_entry(path, number, line)) for number, line in lines]
    names = _unique(path, [(number, name) for number, name, _ in entries])
    return names, _palette(path, entries)


def _is_comment(line):
    return line.startswith("#") and not _HEX_FIRST.fullmatch(line)


def _words(line):
    return [word.strip(" \"'").lower() for word in re.split(r"[\s,;:]+", line) if word]


def _is_list(line):
    """Returns whether a line seems to name several classes; none has a color."""
    return bool(set(line) & set(",;")) and not set(line) & set("0123456789:#\"'")


def _without_heading(path, lines):
    """Returns the lines after the heading of a table, which has a name and numbers."""
    if not lines or not set(_words(lines[0][1])) <= _HEADING:
        return lines
    number, line = lines[0]
    words = _words(line)
    if len(words) > 1 and _HEADING_OF_NUMBERS & {*words}:
        return lines[1:]
    raise ValueError(
        f"{path}, line {number}: {line!r} seems to be a heading, not a class. Remove "
        "the line, or rename the class."
    )


def _without_numbers(path, lines):
    """Returns the lines without class numbers, if every line begins with one."""
    matches = [_NUMBERED.fullmatch(line) for _, line in lines]
    if not all(matches):
        return lines
    # A color before the name begins with a number too: is there another one before it?
    if any(_RGB_FIRST.fullmatch(line) for _, line in lines) and not all(
        _RGB_FIRST.fullmatch(match[2]) for match in matches
    ):
        return lines
    numbers = [int(match[1]) for match in matches]
    if numbers != list(range(len(lines))):
        raise ValueError(
            f"{path}, line {lines[0][0]}: lines that begin with numbers must count the "
            f"classes from 0. Received: {numbers[:5]}... Name the classes in order, "
            "without numbers; `label_map` translates the values of label files."
        )
    return [(line[0], match[2]) for line, match in zip(lines, matches, strict=True)]


def _entry(path, number, line):
    """Returns the name and the color, or None, of a line."""
    for form in _FORMS:
        match = form.fullmatch(line)
        if match is None:
            continue
        found = match.groupdict()
        name = found["name"].strip(" \t\"',;")
        if (
            not name
            or re.search(rf"(?:^|{_SEPARATOR}){_NUMBER}$", name)
            and (form in (_RGB_LAST, _RGB_FIRST))
        ):
            break  # more numbers than a color has
        return name, _color(path, number, found)
    else:
        doubtful = _LOOSE_NUMBERS.fullmatch(line) or _DOUBTFUL.fullmatch(line)
        if not doubtful and not set(line) & set("{}\t"):
            return line.strip("\"'"), None
    raise ValueError(
        f"{path}, line {number}: a class must be a name, or a name and a color as in "
        f"`road #804080`, `road 128 64 128` or `road,128,64,128`. Received: {line!r}"
    )


def _color(path, number, found):
    if found.get("hex"):
        return list(bytes.fromhex(found["hex"][:6]))
    if not found.get("rgb"):
        return None
    color = [int(value) for value in re.findall(r"\d+", found["rgb"])]
    if max(color) > 255:
        raise ValueError(
            f"{path}, line {number}: a color must have values in 0..255. Received: "
            f"{color}"
        )
    return color


def _palette(path, entries):
    without = [number for number, _, color in entries if color is None]
    if not without:
        return np.array([color for *_, color in entries], "uint8")
    if len(without) < len(entries):
        raise ValueError(
            f"{path} must have a color after every name or after none. There is none "
            f"in line {without[0]}."
        )
    if entries[0][1] == _BACKGROUND:
        return voc_colors(len(entries))  # labelme's colors
    return None


def _unique(path, entries):
    lines = {}
    for number, name in entries:
        first = lines.setdefault(name, number)
        if first != number:
            raise ValueError(
                f"{path} must name each class once. Received twice: {name}, in lines "
                f"{first} and {number}"
            )
    return tuple(lines)


def _of_supervisely(path, text):
    try:
        entries = [
            (index, entry["title"], list(bytes.fromhex(entry["color"].lstrip("#"))))
            for index, entry in enumerate(json.loads(text)["classes"], 1)
        ]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"{path} must be Supervisely's meta.json: "
            '{"classes": [{"title": "road", "color": "#804080"}, ...]}. '
            f"{type(error).__name__}: {error}"
        ) from error
    if not entries or any(len(color) != 3 for *_, color in entries):
        raise ValueError(
            f"{path} must have classes, each with a color such as #804080."
        )
    names = _unique(path, [(number, name) for number, name, _ in entries])
    return names, np.array([color for *_, color in entries], "uint8")
