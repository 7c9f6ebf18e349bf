"""Recipes of training: the flags' defaults, and what differs by data set."""

from keras_seg.command.flags import check_data
from keras_seg.positive_integer import require_positive_integer

# The flags that a recipe may set, with their defaults.
DEFAULTS = {
    "backbone": "efficientnet_lite_b0",
    "weights": "imagenet",
    "output_stride": 16,
    "crop": (256, 320),
    "resize": None,
    "scale": (0.5, 2.0),
    "rotation": 0.0,
    "vertical_flip": False,
    "blur": 0.0,
    "class_balance": 0.0,
    "batch_size": 8,
    "epochs": 40,
    "val_every": 1,
    "loss": "crossentropy",
    "class_weights": None,
    "label_smoothing": None,
    "lovasz_stride": None,
    "optimizer": "adamw",
    "learning_rate": 1e-3,
    "backbone_rate": 0.1,
    "weight_decay": 1e-4,
    "warmup": 0,
    "schedule": "poly",
    "ema": None,
}

# What differs by data set.
RECIPES = {
    "scenes": {
        "backbone": "resnet10",
        "weights": None,
        "output_stride": 8,
        "crop": (64, 96),
        "epochs": 5,
        "backbone_rate": 1.0,
    },
    "camvid": {
        "scale": (0.6, 1.8),
        "class_balance": 0.5,
        "batch_size": 4,
        "epochs": 36,
        "val_every": 6,
        "loss": "crossentropy+lovasz",
        "lovasz_stride": 4,
        "learning_rate": 1.5e-3,
        "backbone_rate": 0.5,
        "weight_decay": 1e-2,
        "warmup": 100,
        "ema": 0.995,
    },
}


def with_recipe(args, recipes=None):
    """Fills in the flags that are not given, and checks those of the data.

    Args:
        args: `argparse.Namespace` with the training flags; it is changed.
        recipes: dict `{data set: {flag: default}}` of what differs for one network,
            also for flags of its own, or None. The key "default" applies to every data
            set; the data set's own key has priority.

    Returns:
        `args`.

    Raises:
        ValueError: If the data set needs a folder and none is given, if a number is not
            positive or a class weight not a number, if a stride is given for a loss
            that is not used, or if the folder of the export does not end in a version
            number.
    """
    check_data(args)
    if not args.export.name.isdecimal():
        raise ValueError(
            "--export must end in a version number, which TF Serving requires, such as "
            f"{args.export}/1. Received: {args.export}"
        )
    recipes = recipes or {}
    has_stride = args.lovasz_stride is not None
    recipe = DEFAULTS | RECIPES.get(args.data, {})
    recipe |= recipes.get("default", {}) | recipes.get(args.data, {})
    for flag, default in recipe.items():
        if getattr(args, flag) is None:
            setattr(args, flag, default)
    if has_stride and "lovasz" not in args.loss.split("+"):
        raise ValueError(
            f"--lovasz-stride is for the loss lovasz. Received: --loss {args.loss}"
        )
    if args.weights == "none":
        args.weights = None
    for flag in ("batch_size", "val_batch_size", "epochs", "val_every"):
        require_positive_integer(f"--{flag.replace('_', '-')}", getattr(args, flag))
    if args.class_weights not in (None, ["balanced"]):
        args.class_weights = _numbers(args.class_weights)
    return args


def _numbers(class_weights):
    try:
        return [float(weight) for weight in class_weights]
    except ValueError:
        raise ValueError(
            "--class-weights must be balanced, or one number per class. Received: "
            + " ".join(class_weights)
        ) from None
