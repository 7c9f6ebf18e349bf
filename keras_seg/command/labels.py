"""`keras-seg labels`: label PNGs from annotations in other formats."""

import pathlib
import tempfile

from keras_seg.local_path import local_path

SUMMARY = "convert COCO or labelme annotations to label PNGs"
DESCRIPTION = """\
Writes a label PNG, whose values are class indices, for each annotated image. Reads

  COCO       a file such as instances_train.json; needs keras-seg[labels]
  labelme    a folder of .json files

The class names are written to a text file for training. If the file exists, its classes
and their order are used, so that training and validation labels match.
"""

EXAMPLES = """\
examples:
  keras-seg labels instances_train.json --output data/train/labels \\
      --classes data/classes.txt
  keras-seg labels instances_val.json --output data/val/labels \\
      --classes data/classes.txt
  keras-seg labels photographs --output labels --classes classes.txt --no-background
"""


def add_arguments(parser):
    """Adds the flags."""
    add, path = parser.add_argument, local_path
    add("annotations", type=path, help="COCO file, or folder of labelme files")
    add("--output", type=path, required=True, help="folder for the label PNGs")
    add(
        "--classes",
        type=path,
        required=True,
        help="text file of the classes; read if it exists, else written",
    )
    add("--background", help="class name for pixels without an object")
    add(
        "--no-background",
        action="store_true",
        help="label pixels without an object 255, so that they are ignored",
    )


def check(args):
    """Raises a ValueError if flags conflict."""
    if args.background and args.no_background:
        raise ValueError("--background and --no-background exclude each other")
    if not args.annotations.exists():
        raise ValueError(f"There is no file or folder {args.annotations}")


def run(args):
    """Writes the labels and prints the number of classes."""
    from keras_seg.data import class_table, labels_from_coco, labels_from_labelme
    from keras_seg.data.labels_from_coco import coco_class_names
    from keras_seg.data.labels_from_labelme import labelme_class_names
    from keras_seg.storage.replacing import replacing

    convert, find_names, background = labels_from_coco, coco_class_names, "background"
    if args.annotations.is_dir():
        convert, find_names = labels_from_labelme, labelme_class_names
        background = "_background_"
    background = None if args.no_background else args.background or background
    if args.classes.exists():
        names = class_table(args.classes)[0]
    else:
        names = find_names(args.annotations, background)
        _check_names(args.classes, names)
    convert(args.annotations, args.output, names, background)
    if not args.classes.exists():
        args.classes.parent.mkdir(parents=True, exist_ok=True)
        with replacing(args.classes) as unfinished:
            _write_names(unfinished, names)
    print(f"{args.output}: labels of {len(names)} classes, named in {args.classes}")


def _write_names(path, names):
    path.write_text("".join(f"{name}\n" for name in names), "utf-8")


def _check_names(path, names):
    """Raises a ValueError if names would change when they are written and read."""
    found = _reread(path.name, names)
    if found == names:
        return
    if found is None:  # reading failed: which names fail alone, or occur twice?
        changed = [
            name
            for name in dict.fromkeys(names)
            if _reread(path.name, (name,)) != (name,) or names.count(name) > 1
        ]
    else:
        changed = [name for name in names if name not in found]
    raise ValueError(
        "Class names must stay the same when they are written to and read from "
        f"{path}. Received: {', '.join(map(repr, changed or names))}. Rename these "
        "classes in the annotations; a line may not begin with # or end with numbers."
    )


def _reread(file_name, names):
    """Returns the names in a file to which names were written; None for an error."""
    from keras_seg.data.class_file import read_class_file

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, file_name)
        _write_names(path, names)
        try:
            return read_class_file(path)[0]
        except ValueError:
            return None
