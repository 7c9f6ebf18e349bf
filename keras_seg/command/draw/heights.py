"""`keras-seg draw heights`: class frequencies at each height of images."""

from keras_seg.command.draw.figure import add_output, save
from keras_seg.command.flags import (
    add_data,
    add_split,
    check_data,
    check_folders,
    open_data,
)

SUMMARY = "class frequencies by image height in a data set"
DESCRIPTION = """\
Draws how often each class occurs at each height of a data set's images, and prints the
entropy of the classes in the whole image and in its upper, middle and lower third.
"""
EXAMPLES = """\
example:
  keras-seg draw heights --data camvid --data-dir CamVid --output heights.png
"""


def add_arguments(parser):
    """Adds the flags."""
    add_split(add_data(parser), "train")
    add_output(parser, "heights.png")


def check(args):
    """Raises a ValueError if flags conflict."""
    check_data(args)
    check_folders(args.output)


def run(args):
    """Draws the figure and prints the entropies."""
    from keras_seg.data import class_heights
    from keras_seg.visualization import class_entropy, height_chart

    dataset = open_data(args)
    counts = class_heights(dataset)
    figure = height_chart(counts, dataset.palette, dataset.class_names)
    thirds = counts.reshape(3, -1, dataset.num_classes).sum(axis=1)
    names = ("whole image", "upper third", "middle third", "lower third")
    entropies = class_entropy([thirds.sum(axis=0), *thirds])
    for name, entropy in zip(names, entropies, strict=True):
        print(f"{name:>12}  {entropy:.2f} nats")
    save(figure, args)
