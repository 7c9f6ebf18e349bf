"""`keras-seg train`: train a network on images and labels without writing code."""

import pathlib

from keras_seg.command.files import load_model, reading_error
from keras_seg.command.recipes import DEFAULTS, with_recipe
from keras_seg.command.training_flags import add_training_flags
from keras_seg.command.training_parts import (
    finish_run,
    open_training_data,
    optimizer,
    segmentation_loss,
    training_batches,
    validation_epochs,
)
from keras_seg.local_path import local_path

SUMMARY = "train a network on images and labels"
DESCRIPTION = """\
Trains a network, evaluates its best checkpoint, exports it for TF Serving and draws
some predictions.

To use your own data, prepare a folder with train/images, train/labels, val/images,
val/labels and classes.txt (one class per line); docs/guides/data_sets.md describes
other layouts. The run writes best.keras, log.csv, evaluation.json and predictions.png
to the folder --output. If interrupted, rerun the same command; it resumes after the
last completed epoch.
"""

EXAMPLES = """\
examples:
  keras-seg train --network spnet                          # procedural street scenes
  keras-seg train --network hanet --data folder --data-dir my_data
  keras-seg train --from best.keras --freeze backbone --epochs 10 \\
      --data folder --data-dir my_data

The scripts in examples/ do the same with plain calls of the package: one script per
network, with that network's options.
"""

_NETWORKS = {
    "spnet": "SPNet",
    "hanet": "HANet",
    "cpnet": "CPNet",
    "dsrl": "DSRL",
    "deeplab_v3_plus": "DeepLabV3Plus",
}
_OF_NEW_NETWORKS = "backbone", "weights", "output_stride"
_PICTURES = 4  # validation images in TensorBoard
# Loss weights of outputs other than "segmentation"; see examples/train_*.py.
_WEIGHTS = {"auxiliary": 0.4, "super_resolution": 2.0}


def add_arguments(parser):
    """Adds the flags."""
    add = parser.add_argument
    add("--network", choices=_NETWORKS, help="default: spnet")
    add(
        "--from",
        dest="start",
        type=local_path,
        metavar="MODEL",
        help="model to fine-tune instead of a new --network: a .keras file, or the "
        "name of a preset, such as hanet_b1_camvid; the number of classes may differ",
    )
    add("--freeze", choices=["backbone"], help="part whose weights are not trained")
    add(
        "--upscale",
        type=int,
        help="DSRL's scale from input images to labels; default: 2",
    )
    add_training_flags(parser)


def check(args):
    """Fills in the recipe; raises a ValueError if flags conflict."""
    _check_network(args)
    name = args.start.stem if args.start else args.network
    args.output = args.output or pathlib.Path("runs", name)
    args.export = args.export or pathlib.Path("saved_models", name, "1")
    replaced = [(args.output / x).resolve() for x in ("best.keras", "last.keras")]
    if args.start and args.start.resolve() in replaced:
        raise ValueError(
            f"--output must be another folder than that of {args.start}, which "
            f"training would replace. Received: {args.output}"
        )
    with_recipe(args)


def _check_network(args):
    """Raises a ValueError if a flag of the network has no effect; sets defaults."""
    if args.start:
        for flag in ("network", *_OF_NEW_NETWORKS, "upscale"):
            if getattr(args, flag) is not None:
                raise ValueError(
                    "--from takes the whole network from its file, and cannot be "
                    f"combined with --{flag.replace('_', '-')}"
                )
    args.network = args.network or "spnet"
    if args.upscale is not None and args.network != "dsrl":
        raise ValueError(
            f"--upscale is for --network dsrl only. Received: --network {args.network}"
        )
    args.upscale = 2 if args.upscale is None else args.upscale
    args.has_backbone_rate = args.backbone_rate is not None
    if args.freeze and args.has_backbone_rate:
        raise ValueError(
            "--freeze backbone trains no weights of the backbone, and cannot be "
            "combined with --backbone-rate"
        )


def run(args):
    """Trains the network, evaluates and exports it, and draws predictions."""
    import keras
    import tensorflow as tf

    from keras_seg import training

    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()
    with strategy.scope():  # first: reading the labels may take minutes
        start = load_model(args.start) if args.start else None
    train_set, val_set = open_training_data(args)
    with strategy.scope():
        model = _model(args, start, train_set)
    try:
        _fit(args, model, train_set, val_set)
        finish_run(args, val_set)
    except tf.errors.InvalidArgumentError as error:  # an image in the pipeline
        raise ValueError(reading_error(error)) from error


def _model(args, start, train_set):
    """Returns the network to train: a new one, or `start` with the data's classes."""
    from keras_seg import training

    if start is None:
        model = _new_model(args, train_set)
    else:
        model = _fine_tuned(args, start, train_set)
    if not args.freeze:
        _thaw_backbone(model)
    _check_backbone(args, model)
    if args.freeze:
        model.get_layer(args.freeze).trainable = False
    training.synchronize_batch_norm(model)
    if args.remat:
        training.rematerialize(model.get_layer("backbone"))
    return model


def _fine_tuned(args, model, train_set):
    """Returns a loaded model for the classes of the data, if it fits them."""
    from keras_seg import models
    from keras_seg.models import network_info
    from keras_seg.models.logits_of_probabilities import with_logits

    channels = model.inputs[0].shape[-1]
    if channels not in (None, train_set.channels):
        raise ValueError(
            f"{args.start} takes images of {channels} channels, but those of the "
            f"data have {train_set.channels}"
        )
    if network_info(model).independent_classes != train_set.independent_classes:
        raise ValueError(
            f"The classes of {args.start} are independent, and those of the data "
            "are not, or vice versa. State those of the data by "
            "--independent-classes"
        )
    single = models.inference_model(model)
    if with_logits(single) is not single:
        raise ValueError(
            f"{args.start} ends in a softmax or sigmoid, but training needs "
            "logits. Save the model without its last activation"
        )
    if network_info(single).num_labels == train_set.num_classes:
        return model
    return models.replace_classifier(model, train_set.num_classes)


def _new_model(args, train_set):
    """Returns a new network with the options of its recipe."""
    from keras_seg import backbones, models

    independent = train_set.independent_classes
    if independent and args.network == "cpnet":
        raise ValueError(
            "--network cpnet does not support independent classes, because its "
            "affinity loss compares the classes of pixels. Choose another"
        )
    options = {
        "spnet": {
            "auxiliary_head": True,
            "pool_sizes": models.pool_sizes(args.crop, args.output_stride),
        },
        "hanet": {"auxiliary_head": True, "positions": True},
        "cpnet": {
            "auxiliary_head": True,
            "prior_size": models.prior_size(args.crop, args.output_stride),
            "fused_prior": True,  # memory grows linearly with the crop's area
            "ignore_class": train_set.ignore_class,
        },
        "dsrl": {"scale": args.upscale},
        "deeplab_v3_plus": {"auxiliary_head": True},
    }[args.network]
    if independent:
        options["independent_classes"] = True
    pyramid = backbones.build(
        args.backbone,
        args.output_stride,
        args.weights,
        input_channels=train_set.channels,
    )
    build = getattr(models, _NETWORKS[args.network])
    return build(train_set.num_classes, pyramid, **options)


def _thaw_backbone(model):
    """Makes a backbone trainable that an earlier run with --freeze left frozen."""
    from keras_seg._keras_private import layers_within

    for layer in model.layers:
        if layer.name == "backbone" and not layer.trainable_weights:
            for inner in layers_within(layer):
                inner.trainable = True


def _check_backbone(args, model):
    """Raises a ValueError if a flag is for a backbone that the model does not have."""
    has_layer = any(layer.name == "backbone" for layer in model.layers)
    for flag, given, part, has_part in (
        ("--freeze backbone", args.freeze, "a layer", has_layer),
        ("--remat", args.remat, "a layer", has_layer),
        (
            "--backbone-rate",
            args.has_backbone_rate,
            "trainable weights of a layer",
            _trains_backbone(model),
        ),
    ):
        if given and not has_part:
            raise ValueError(
                f'{flag} needs {part} named "backbone", and {args.start} has none'
            )


def _trains_backbone(model):
    """Returns whether the learning rate of the backbone applies to any weights."""
    return any("backbone" in weight.path for weight in model.trainable_variables)


def _fit(args, model, train_set, val_set):
    """Compiles and trains the model; saves the best one in the run's folder."""
    from keras_seg import training

    train, val, steps = training_batches(args, model, train_set, val_set)
    unused = {*_OF_NEW_NETWORKS} if args.start else set()
    unused |= set() if _trains_backbone(model) else {"backbone_rate"}
    names = [name for name in DEFAULTS if name not in unused]
    print(f"recipe: {' '.join(_flags({name: getattr(args, name) for name in names}))}")
    with model.distribute_strategy.scope():
        _compile(args, model, train_set, steps)
    # Keras omits the output's name from metrics if there is only one output.
    prefix = "segmentation_" if len(model.outputs) > 1 else ""
    callbacks = training.callbacks(
        args.output,
        f"val_{prefix}mean_iou",
        args.tensorboard,
        keep_backup=True,
        overwrite=args.overwrite,
        class_names=train_set.class_names,
    )
    if args.tensorboard and training.is_chief():
        callbacks.insert(-1, _pictures(args, val_set))
    model.fit(
        train,
        epochs=args.epochs,
        verbose="auto" if training.is_chief() else 0,
        validation_data=val,
        validation_freq=validation_epochs(args),
        callbacks=[training.TimeEstimate(), *callbacks],
        shuffle=False,  # the batches are shuffled
    )


def _flags(recipe):
    """Yields the flags that give a recipe; those of None and False are left out."""
    for name, value in recipe.items():
        if name == "weights":
            value = value or "none"
        if value is None or value is False:
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        shown = [] if value is True else map(str, values)
        yield " ".join([f"--{name.replace('_', '-')}", *shown])


def _pictures(args, val_set):
    """Returns the callback that draws some validation images after each epoch."""
    from keras_seg.visualization import ValidationPictures

    step = max(len(val_set) // _PICTURES, 1)
    samples = [val_set[index] for index in range(0, len(val_set), step)][:_PICTURES]
    folder = args.output / "tensorboard" / "pictures"
    return ValidationPictures(folder, samples, val_set.palette, val_set.class_names)


def _compile(args, model, train_set, steps):
    import keras

    from keras_seg import losses, metrics, models

    segmentation = segmentation_loss(args, train_set)
    others = {
        "context_prior": _prior_loss,
        "feature_affinity": lambda *_: losses.OutputLoss(),
        "super_resolution": lambda *_: keras.losses.MeanSquaredError(),
    }
    names = list(model.output) if isinstance(model.output, dict) else []
    loss = {
        name: others[name](model, train_set) if name in others else segmentation
        for name in names
    }
    metric = [
        metrics.MeanIoU(
            models.inference_model(model).output_shape[-1],  # 1 may mean two classes
            train_set.ignore_class,
            independent_classes=train_set.independent_classes,
        )
    ]
    groups = {} if _trains_backbone(model) else {"rate_groups": None}
    model.compile(
        optimizer(args, steps, **groups),
        loss=loss or segmentation,
        loss_weights={name: _WEIGHTS.get(name, 1.0) for name in names} or None,
        metrics={"segmentation": metric} if names else metric,
    )


def _prior_loss(model, train_set):
    """Returns the affinity loss, or `OutputLoss` if the model computes it itself."""
    from keras_seg import layers, losses

    if len(model.output["context_prior"].shape) == 1:
        return losses.OutputLoss()
    (prior,) = (x for x in model.layers if isinstance(x, layers.ContextPriorLayer))
    return losses.AffinityLoss(
        prior.prior_size, train_set.num_classes, train_set.ignore_class
    )
