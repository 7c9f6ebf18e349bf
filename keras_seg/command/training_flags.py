"""The flags of a training run: of `keras-seg train` and of the scripts in examples."""

import argparse
import pathlib

from keras_seg.command.flags import add_data, check_data, folder_options

_LABELS_TO_LOOK_AT = 64  # at the start of a training

# What a recipe may set, and the values where it does not.
DEFAULTS = {
    "backbone": "efficientnet_lite_b0",
    "weights": None,
    "output_stride": 16,
    "crop": (256, 320),
    "scale": (0.5, 2.0),
    "class_balance": 0.0,
    "batch_size": 8,
    "epochs": 40,
    "loss": "crossentropy",
    "class_weights": None,
    "label_smoothing": None,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "backbone_rate": 1.0,
    "weight_decay": 1e-4,
    "warmup": 0,
    "schedule": "poly",
    "ema": None,
}


_OF_DATA = "What is not given, here and above, is what suits the data set."


def parse_training_flags(description, name, recipes, add_more=None, arguments=None):
    """Parses the flags of a training script.

    Args:
        description: str. The head of the script, shown by `--help`.
        name: str. The network's name, for the folders of the run and of the export.
        recipes: dict `{data set: {flag: default}}`, such as `{"camvid": {"epochs":
            120}}`. What is under "default" is for data sets without a recipe of their
            own.
        add_more: function that adds flags to the parser, or None.
        arguments: list of str, or None for those of the process.

    Returns:
        `argparse.Namespace`.

    Example: `args = parse_training_flags(__doc__, "spnet", {"default": {}})`
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if add_more is not None:
        add_more(parser)
    add_training_flags(parser, name)
    args = parser.parse_args(arguments)
    try:
        return with_defaults(args, recipes)
    except ValueError as error:
        return parser.error(str(error))


def add_training_flags(parser, name=None):
    """Adds the flags; those that a recipe may set are None where they are not given.

    Without a name, the folders of the run and of the export are None too.
    """
    data = add_data(parser)
    data.add_argument("--image-size", type=int, nargs=2, default=(96, 128))
    _add_pipeline(data.add_argument)
    _add_network(parser.add_argument_group("network").add_argument)
    _add_recipe(parser.add_argument_group("recipe", _OF_DATA).add_argument)
    _add_run(parser.add_argument_group("run").add_argument, name)


def with_defaults(args, recipes):
    """The flags with those of the data set's recipe, checked.

    Raises:
        ValueError: If a data set lacks its folder.
    """
    check_data(args)
    recipe = recipes.get(args.data, recipes.get("default", {}))
    for flag, default in (DEFAULTS | recipe).items():
        if getattr(args, flag) is None:
            setattr(args, flag, default)
    if args.weights == "none":
        args.weights = None
    return args


def open_training_data(args):
    """Opens the images to train on and to validate on, and looks at their classes.

    The classes in a sample of the labels are counted and printed. `args.class_weights`
    become a list of floats, or stay None.

    Args:
        args: `argparse.Namespace` of `parse_training_flags`.

    Returns:
        Pair of `SegmentationDataset`.

    Raises:
        ValueError: If fewer than two classes are left in the labels, or as
            `keras_seg.data.open_splits`.
    """
    from keras_seg.data import balanced_class_weights, class_shares, open_splits
    from keras_seg.training.worker import worker

    train, val = open_splits(
        args.data,
        args.data_dir,
        args.scenes,
        args.image_size,
        args.seed,
        **folder_options(args),
    )
    shares = class_shares(train, images=_LABELS_TO_LOOK_AT)
    if worker()[0] == 0:
        print(shares)
    shares.check()
    if args.class_weights == ["balanced"]:
        args.class_weights = balanced_class_weights(train)
    elif args.class_weights is not None:
        args.class_weights = [float(weight) for weight in args.class_weights]
    return train, val


def _add_pipeline(add):
    add("--crop", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"))
    add("--scale", type=float, nargs=2, metavar=("LOW", "HIGH"), help="of the images")
    add(
        "--class-balance",
        type=float,
        metavar="SHARE",
        help="of the crops, drawn by class so that rare ones are seen; 0.5 is good",
    )
    add("--batch-size", type=int, help="over all devices")
    add("--cache", action="store_true", help="keep the read images in memory")
    add("--val-batch-size", type=int, default=1, help="above 1 for images of one size")
    add("--val-every", type=int, default=1, metavar="EPOCHS")


def _add_network(add):
    add("--backbone", help="a name of docs/guides/backbone_table.md")
    add("--weights", help="of it: imagenet, none, or a .keras or .weights.h5 file")
    add("--output-stride", type=int, choices=[8, 16, 32])


def _add_recipe(add):
    add("--epochs", type=int)
    add(
        "--loss",
        help="crossentropy, ohem, focal, dice, lovasz or tversky, or several joined "
        "by +",
    )
    add(
        "--class-weights",
        nargs="+",
        metavar="WEIGHT",
        help="of the loss: balanced, by the classes' frequencies, or one for each",
    )
    add("--label-smoothing", type=float, help="0.1 is usual")
    add("--optimizer", choices=["sgd", "adamw"])
    add("--learning-rate", type=float, help="the papers' SGD: 0.01")
    add(
        "--backbone-rate",
        type=float,
        metavar="FACTOR",
        help="of the backbone's learning rate; the papers: 0.1",
    )
    add("--weight-decay", type=float)
    add("--warmup", type=int, metavar="STEPS", help="over which the rate rises first")
    add("--schedule", choices=["poly", "cosine"], help="how the rate falls to 0")
    add(
        "--ema",
        type=float,
        metavar="MOMENTUM",
        help="evaluate and export the moving average of the weights: 0.999",
    )


def _add_run(add, name):
    path = pathlib.Path
    run, exported = (
        path("runs", name or "NETWORK"),
        path("saved_models", name or "NETWORK", "1"),
    )
    add("--seed", type=int, default=0)
    add("--deterministic", action="store_true", help="the same to the last digit")
    add("--tensorboard", action="store_true", help="needs keras-seg[tensorboard]")
    add(
        "--output",
        type=path,
        default=run if name else None,
        help=f"folder of the run, {run}",
    )
    add("--overwrite", action="store_true", help="replace a finished run")
    add(
        "--export",
        type=path,
        default=exported if name else None,
        help=f"folder of the SavedModel, {exported}",
    )
