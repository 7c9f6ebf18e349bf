"""Flags of a training run, shared by `keras-seg train` and the example scripts."""

import argparse
import pathlib

from keras_seg.command.flags import add_data, location
from keras_seg.command.recipes import with_recipe

_OF_DATA = "The defaults of these and of the flags above depend on the data set."


def parse_training_flags(
    description, name, recipes=None, add_more=None, arguments=None
):
    """Parses the flags of a training script.

    Args:
        description: str. The script's description, shown by `--help`.
        name: str. The network's name, used in the paths of the run and the export.
        recipes: dict `{data set: {flag: default}}` of what differs for this network,
            such as `{"camvid": {"epochs": 120}}`, or None; see `with_recipe`.
        add_more: function that adds flags to the parser, or None.
        arguments: list of str, or None for those of the process.

    Returns:
        `argparse.Namespace`.

    Example:
        `args = parse_training_flags(__doc__, "spnet")`
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if add_more is not None:
        add_more(parser)
    add_training_flags(parser, name)
    args = parser.parse_args(arguments)
    if args.independent_classes:
        parser.error("--independent-classes is for keras-seg train")
    try:
        return with_recipe(args, recipes)
    except ValueError as error:
        return parser.error(str(error))


def add_training_flags(parser, name=None):
    """Adds the training flags; those that a recipe may set default to None.

    Without `name`, the folders of the run and of the export default to None too.
    """
    data = add_data(parser)
    data.add_argument(
        "--image-size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        default=(96, 128),
        help="size of the scenes; default: 96 128",
    )
    _add_augmentation(data.add_argument)
    _add_pipeline(data.add_argument)
    _add_network(parser.add_argument_group("network").add_argument)
    _add_recipe(parser.add_argument_group("recipe", _OF_DATA).add_argument)
    _add_run(parser.add_argument_group("run").add_argument, name)


def _add_augmentation(add):
    add(
        "--crop",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="size of the training crops",
    )
    add(
        "--resize",
        type=int,
        nargs="+",
        metavar="PIXELS",
        help="height and width, or the shorter side, to which training images are "
        "resized before --scale; evaluation keeps their size",
    )
    add(
        "--scale",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="range of the random image scale",
    )
    add(
        "--rotation",
        type=float,
        metavar="DEGREES",
        help="largest random rotation, to either side",
    )
    add(
        "--vertical-flip",
        action="store_true",
        default=None,
        help="flip half of the images upside down; for views from above",
    )
    add(
        "--blur",
        type=float,
        metavar="SIGMA",
        help="largest standard deviation of the random Gaussian blur, in pixels",
    )


def _add_pipeline(add):
    add(
        "--class-balance",
        type=float,
        metavar="SHARE",
        help="share of crops drawn by class, so that rare classes are seen; try 0.5",
    )
    add("--batch-size", type=int, help="total over all devices")
    add("--cache", action="store_true", help="cache the images in memory")
    add(
        "--val-batch-size",
        type=int,
        default=1,
        help="default: 1; images of different sizes do not share a batch",
    )
    add(
        "--val-every",
        type=int,
        metavar="EPOCHS",
        help="validate after every n-th epoch, and after the last",
    )


def _add_network(add):
    add("--backbone", help="backbone name; see docs/guides/backbone_table.md")
    add(
        "--weights",
        help="backbone weights: imagenet, none, or a .keras or .weights.h5 file",
    )
    add(
        "--output-stride",
        type=int,
        choices=[8, 16, 32],
        help="image size / size of the last feature map",
    )


def _add_recipe(add):
    add("--epochs", type=int)
    add(
        "--loss",
        help="crossentropy, ohem, focal, dice, lovasz or tversky, or several joined "
        "with +",
    )
    add(
        "--class-weights",
        nargs="+",
        metavar="WEIGHT",
        help='class weights of the loss: "balanced" for weights from the class '
        "frequencies, or one number per class",
    )
    add("--label-smoothing", type=float, help="0.1 is common")
    add(
        "--lovasz-stride",
        type=int,
        metavar="PIXELS",
        help="compute the Lovász loss on every n-th row and column; faster",
    )
    add("--optimizer", choices=["sgd", "adamw"])
    add("--learning-rate", type=float, help="the papers use 0.01 with SGD")
    add(
        "--backbone-rate",
        type=float,
        metavar="FACTOR",
        help="factor on the backbone's learning rate; 0.1 in the papers",
    )
    add("--weight-decay", type=float)
    add("--warmup", type=int, metavar="STEPS", help="steps of linear warmup")
    add("--schedule", choices=["poly", "cosine"], help="decay of the learning rate")
    add(
        "--ema",
        type=float,
        metavar="MOMENTUM",
        help="evaluate and export an average of the weights; momentum such as 0.999",
    )


def _add_run(add, name):
    path = pathlib.Path
    run, exported = (
        path("runs", name or "NETWORK"),
        path("saved_models", name or "NETWORK", "1"),
    )
    add(
        "--remat",
        action="store_true",
        help="recompute the feature maps of the backbone for the gradient: less memory "
        "and more time",
    )
    add("--seed", type=int, default=0, help="default: 0")
    add("--deterministic", action="store_true", help="make runs exactly reproducible")
    add(
        "--tensorboard",
        action="store_true",
        help="log to TensorBoard; needs keras-seg[tensorboard]",
    )
    add(
        "--output",
        type=location,
        default=run if name else None,
        help=f"folder of the run, local or gs://...; default: {run}",
    )
    add("--overwrite", action="store_true", help="replace a finished run")
    add(
        "--export",
        type=location,
        default=exported if name else None,
        help=f"folder of the SavedModel, local or gs://...; default: {exported}",
    )
