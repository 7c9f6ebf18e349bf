"""What the figures of `keras-seg draw` share."""

import pathlib

from keras_seg.command.flags import CLASSES

POINT = {"type": int, "nargs": 2, "metavar": ("Y", "X"), "action": "append"}


def add_model_and_image(parser, network):
    """Adds the model, of a network that help names, and the image that it looks at."""
    parser.add_argument("model", type=pathlib.Path, help=f"a {network}, a .keras file")
    parser.add_argument("image", type=pathlib.Path)


def add_classes(parser):
    """Adds where the names of the classes come from; `class_names` reads it."""
    parser.add_argument("--classes", metavar="CLASSES", help=f"their names: {CLASSES}")


def add_output(parser, name):
    """Adds the file to write."""
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path(name), help=name
    )


def class_names(args):
    """The names of the classes, or None where none are given."""
    from keras_seg.data import class_table

    return None if args.classes is None else class_table(args.classes)[0]


def save(figure, args):
    """Writes the figure, and tells where."""
    figure.savefig(args.output)
    print(f"{'picture':>12}  {args.output}")


def first(batches):
    """Of a dict of batches of one, the first of each as a NumPy array."""
    import keras

    return {name: keras.ops.convert_to_numpy(x)[0] for name, x in batches.items()}
