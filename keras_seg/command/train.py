"""`keras-seg train`: train a network on images and labels without writing code."""

import pathlib

from keras_seg.command.files import load_model
from keras_seg.command.training_flags import (
    DEFAULTS,
    add_training_flags,
    augmentation,
    open_training_data,
    validation_epochs,
    with_defaults,
)

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
_RECIPES = {
    "scenes": {
        "backbone": "resnet10",
        "output_stride": 8,
        "crop": (64, 96),
        "epochs": 5,
    },
    "default": {"weights": "imagenet", "backbone_rate": 0.1},
}
_PICTURES = 4  # validation images in TensorBoard
# Loss weights of outputs other than "segmentation"; see examples/train_*.py.
_WEIGHTS = {"auxiliary": 0.4, "super_resolution": 2.0}


def add_arguments(parser):
    """Adds the flags."""
    add = parser.add_argument
    add("--network", choices=_NETWORKS, default="spnet", help="default: spnet")
    add(
        "--from",
        dest="start",
        type=pathlib.Path,
        metavar="MODEL",
        help="fine-tune this .keras file instead of a new --network; the number of "
        "classes may differ",
    )
    add("--freeze", choices=["backbone"], help="part whose weights are not trained")
    add(
        "--upscale",
        type=int,
        default=2,
        help="DSRL's scale from input images to labels; default: 2",
    )
    add_training_flags(parser)


def check(args):
    """Fills in the recipe; raises a ValueError if flags conflict."""
    name = args.start.stem if args.start else args.network
    args.output = args.output or pathlib.Path("runs", name)
    args.export = args.export or pathlib.Path("saved_models", name, "1")
    with_defaults(args, _RECIPES)


def run(args):
    """Trains the network, evaluates and exports it, and draws predictions."""
    import keras
    import tensorflow as tf

    from keras_seg import training
    from keras_seg.training.callbacks import require_unfinished
    from keras_seg.training.worker import worker

    require_unfinished(args.output, args.overwrite)
    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()
    train_set, val_set = open_training_data(args)
    with strategy.scope():
        model = _model(args, train_set)
    try:
        _fit(args, model, strategy, train_set, val_set)
        if worker()[0] == 0:  # only the chief worker evaluates and exports
            _finish(args, val_set)
    except tf.errors.InvalidArgumentError as error:  # an image in the pipeline
        raise ValueError(error.message.splitlines()[0]) from error


def _model(args, train_set):
    """Returns the network to train."""
    from keras_seg import backbones, models, training
    from keras_seg.models.checks import require_one_class

    num_classes = train_set.num_classes
    if args.start:
        model = load_model(args.start)
        require_one_class(model)
        if models.inference_model(model).output_shape[-1] != num_classes:
            model = models.replace_classifier(model, num_classes)
    else:
        pyramid = backbones.build(
            args.backbone,
            args.output_stride,
            args.weights,
            input_channels=train_set.channels,
        )
        options = {
            "spnet": {"auxiliary_head": True},
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
        build = getattr(models, _NETWORKS[args.network])
        model = build(num_classes, pyramid, **options)
    if args.freeze:
        model.get_layer(args.freeze).trainable = False
    training.synchronize_batch_norm(model)
    return model


def _fit(args, model, strategy, train_set, val_set):
    """Compiles and trains the model; saves the best one in the run's folder."""
    from keras_seg import data, training
    from keras_seg.training.backup import epochs_done
    from keras_seg.training.worker import worker

    index, _ = worker()
    positions = any(tensor.name == "positions" for tensor in model.inputs)
    train = data.training_pipeline(
        train_set,
        args.batch_size,
        augmentation(args),
        args.seed,
        args.cache,
        positions,
        first_epoch=epochs_done(args.output / "backup", strategy),
        shard=worker(),
        class_balance=args.class_balance,
    )
    replicas = strategy.num_replicas_in_sync
    val_batch_size = -(-args.val_batch_size // replicas) * replicas
    val = data.evaluation_pipeline(val_set, val_batch_size, positions, shard=worker())
    print(
        f"{len(train_set)} images to train on, {len(val_set)} to validate on, "
        f"{train_set.num_classes} classes, {len(train)} steps an epoch"
    )
    recipe = ", ".join(f"{flag} {getattr(args, flag)}" for flag in DEFAULTS)
    print(f"recipe: {recipe}")
    with strategy.scope():
        _compile(args, model, train_set, args.epochs * len(train))
    targets = training.named_targets(model)
    train, val = (
        training.distribute_batches(batches.map(targets), strategy)
        for batches in (train, val)
    )
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
    if args.tensorboard and index == 0:
        callbacks.insert(-1, _pictures(args, val_set))
    model.fit(
        train,
        epochs=args.epochs,
        verbose="auto" if index == 0 else 0,
        validation_data=val,
        validation_freq=validation_epochs(args),
        callbacks=[training.TimeEstimate(), *callbacks],
        shuffle=False,  # the pipeline shuffles
    )


def _pictures(args, val_set):
    """Returns the callback that draws some validation images after each epoch."""
    from keras_seg.visualization import ValidationPictures

    step = max(len(val_set) // _PICTURES, 1)
    samples = [val_set[index] for index in range(0, len(val_set), step)][:_PICTURES]
    folder = args.output / "tensorboard" / "pictures"
    return ValidationPictures(folder, samples, val_set.palette, val_set.class_names)


def _compile(args, model, train_set, steps):
    import keras

    from keras_seg import losses, metrics, training

    segmentation = losses.from_name(
        args.loss,
        ignore_class=train_set.ignore_class,
        class_weights=args.class_weights,
        label_smoothing=args.label_smoothing,
        stride=args.lovasz_stride,
    )
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
    metric = [metrics.MeanIoU(train_set.num_classes, train_set.ignore_class)]
    optimizer = training.AdamW if args.optimizer == "adamw" else training.sgd
    frozen = args.freeze == "backbone"  # then the group would have no variables
    model.compile(
        optimizer(
            training.learning_rate(
                args.schedule, args.learning_rate, steps, args.warmup
            ),
            weight_decay=args.weight_decay,
            rate_groups=None if frozen else {"backbone": args.backbone_rate},
            use_ema=args.ema is not None,
            ema_momentum=args.ema or 0.0,
        ),
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


def _finish(args, val_set):
    """Evaluates the best model, draws predictions and exports it."""
    from PIL import Image

    from keras_seg import data, inference, models
    from keras_seg.data.storage import open_file, remove_folder
    from keras_seg.export import export_saved_model
    from keras_seg.visualization import sample_predictions

    best = models.inference_model(load_model(args.output / "best.keras"))
    batches = data.evaluation_pipeline(val_set, args.val_batch_size)
    result = inference.evaluate(
        best, batches, val_set.class_names, val_set.ignore_class
    )
    inference.write_evaluation(result, args.output / "evaluation.json")
    picture = args.output / "predictions.png"
    with open_file(picture, "wb") as file:
        Image.fromarray(sample_predictions(best, val_set)).save(file, "png")
    exported = export_saved_model(
        best,
        args.export,
        overwrite=True,
        class_names=val_set.class_names,
        palette=val_set.palette,
    )
    remove_folder(args.output / "backup")
    print(f"{inference.evaluation_table(result)}  on {len(val_set)} images")
    print(f"model        {args.output / 'best.keras'}")
    print(f"SavedModel   {exported}")
    print(f"picture      {picture}")
