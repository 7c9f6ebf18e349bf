"""Flags and helpers shared by the figures of `keras-seg draw`."""

import pathlib

from keras_seg.command.files import save_figure
from keras_seg.command.flags import CLASSES, MODEL
from keras_seg.local_path import local_path

POINT = {"type": int, "nargs": 2, "metavar": ("Y", "X"), "action": "append"}


def add_model_and_image(parser, network):
    """Adds the arguments for the model, described as `network`, and the image."""
    parser.add_argument("model", type=local_path, help=f"a {network}: {MODEL}")
    parser.add_argument("image", type=local_path, help="image file")


def add_classes(parser):
    """Adds the flag for the class names, which `class_names` reads."""
    parser.add_argument("--classes", metavar="CLASSES", help=f"class names: {CLASSES}")


def add_output(parser, name):
    """Adds the flag for the file to write."""
    parser.add_argument(
        "--output",
        type=local_path,
        default=pathlib.Path(name),
        help=f"image file to write; default: {name}",
    )


def class_names(args):
    """Returns the class names, or None if none are given."""
    from keras_seg.data import class_table

    return None if args.classes is None else class_table(args.classes)[0]


def save(figure, args):
    """Writes the figure and prints its path."""
    save_figure(figure, args.output)
    print(f"{'picture':>12}  {args.output}")


def first(batches):
    """Returns the first item of each batch in a dict, as NumPy arrays."""
    import keras

    return {name: keras.ops.convert_to_numpy(x)[0] for name, x in batches.items()}
