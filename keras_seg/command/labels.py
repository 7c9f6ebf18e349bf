"""`keras-seg labels`: label PNGs of annotations in other formats."""

import pathlib

SUMMARY = "make label PNGs of COCO's or labelme's annotations"
DESCRIPTION = """\
Writes a label PNG for each annotated image, whose values are the classes:

  a file such as instances_train.json    of COCO; needs keras-seg[labels]
  a folder of .json files                of labelme

The names of the classes go to a text file, which training reads. If it is there
already, its classes are kept in their order, as training and validation images need.
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
    add, path = parser.add_argument, pathlib.Path
    add("annotations", type=path, help="COCO's file, or the folder of labelme's")
    add("--output", type=path, required=True, help="folder to write the labels to")
    add(
        "--classes",
        type=path,
        required=True,
        help="text file of the classes, which is read, or written where it is missing",
    )
    add("--background", help="name of the class of all other pixels")
    add(
        "--no-background",
        action="store_true",
        help="pixels without an object are ignored, 255",
    )


def check(args):
    """Raises a ValueError for flags that do not agree."""
    if args.background and args.no_background:
        raise ValueError("--background and --no-background exclude each other")
    if not args.annotations.exists():
        raise ValueError(f"There is no file or folder {args.annotations}")


def run(args):
    """Writes the labels, and tells of which classes."""
    from keras_seg.data import class_table, labels_from_coco, labels_from_labelme

    convert, background = labels_from_coco, "background"
    if args.annotations.is_dir():
        convert, background = labels_from_labelme, "_background_"
    names = class_table(args.classes)[0] if args.classes.exists() else None
    background = None if args.no_background else args.background or background
    names = convert(args.annotations, args.output, names, background)
    if not args.classes.exists():
        args.classes.parent.mkdir(parents=True, exist_ok=True)
        args.classes.write_text("".join(f"{name}\n" for name in names), "utf-8")
    print(f"{args.output}: labels of {len(names)} classes, named in {args.classes}")
