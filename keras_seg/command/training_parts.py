"""The parts of a training run that its flags describe, shared with the examples.

Each function makes a few plain calls of the package, which scripts without flags can
make themselves. `args` are the `argparse.Namespace` of `parse_training_flags`.
"""

import concurrent.futures
import os
import pathlib

from keras_seg.ceil_division import ceil_division
from keras_seg.command.flags import folder_options
from keras_seg.local_path import local_path

_LABELS_TO_LOOK_AT = 64  # labels counted at the start of training


def open_training_data(args):
    """Opens the training and validation sets and checks their classes.

    Checks first that the results of the run can be written and replace nothing, and
    that the backbone, its weights and the loss exist. The classes in a sample of the
    training labels are counted and printed.
    If `args.class_weights` is ["balanced"], it is replaced by a list of floats.

    Returns:
        Pair of `SegmentationDataset`, for training and validation.

    Raises:
        ValueError: If the run is finished, if the export cannot be written, or may not
            be replaced, if a flag names no backbone or loss, if the number of class
            weights is not that of the classes, if the labels contain fewer than two
            classes or values that are no classes; see also
            `keras_seg.data.open_splits`.
        FileNotFoundError: If there is no file of weights.
    """
    from keras_seg.data import balanced_class_weights, class_shares, open_splits
    from keras_seg.training import is_chief

    _check_folders(args)  # on all machines: one that stops leaves the others waiting
    _check_names(args)
    train, val = open_splits(
        args.data,
        args.data_dir,
        args.scenes,
        args.image_size,
        args.seed,
        **folder_options(args),
    )
    _check_class_weights(args, train)
    shares = class_shares(train, images=_LABELS_TO_LOOK_AT)
    if is_chief():
        print(shares)
    shares.check()
    try:  # now rather than after the training
        shares = class_shares(val, images=_LABELS_TO_LOOK_AT)
        if shares.ignored_pixels:
            shares.check()
    except ValueError as error:
        raise ValueError(f"The labels of the validation set: {error}") from error
    if args.class_weights == ["balanced"]:
        args.class_weights = balanced_class_weights(train)
    return train, val


def _check_folders(args):
    """Raises an error now rather than after the training."""
    from keras_seg.export.saved_model import require_export
    from keras_seg.training import epochs_done, is_chief
    from keras_seg.training.callbacks import require_unfinished

    # Those of stages too.
    backups = args.output / "backup", *args.output.glob("*/backup")
    done = [epochs_done(folder) for folder in backups if folder.is_dir()]
    require_unfinished(args.output, args.overwrite or bool(done))
    path = args.export
    if isinstance(path, pathlib.Path) and is_chief():  # which writes
        parent = next(x for x in path.absolute().parents if x.exists())
        if not (parent.is_dir() and os.access(parent, os.W_OK)):
            raise ValueError(
                f"--export must be in a folder that can be written. Received: {path}"
            )
    if not path.exists():
        return
    require_export(path)
    # A run that has epochs or stages left has not exported anything yet.
    is_trained = bool(done) and min(done) >= args.epochs
    has_exported = is_trained and (args.output / "best.keras").exists()
    if any(path.iterdir()) and not (args.overwrite or has_exported):
        raise ValueError(
            f"--export {path} holds a SavedModel. Pass another folder, or --overwrite "
            "to replace it"
        )


def _check_names(args):
    """Raises an error if a flag names no backbone, no weights or no loss."""
    from keras_seg import backbones
    from keras_seg.backbones.catalog import suggestion
    from keras_seg.backbones.pretrained import require_source
    from keras_seg.losses.from_name import NAMES

    if args.backbone not in backbones.names():
        raise ValueError(
            "--backbone must be a name in docs/guides/backbone_table.md. Received: "
            f"{args.backbone}.{suggestion(args.backbone)}"
        )
    if args.weights == "imagenet":
        require_source(args.backbone)
    is_file = args.weights not in (None, "imagenet")
    if is_file and not local_path(args.weights).is_file():
        raise FileNotFoundError(
            "--weights must be imagenet, none or a file. There is no file "
            f"{args.weights}"
        )
    if not NAMES.keys() >= set(args.loss.split("+")):
        raise ValueError(
            f"--loss must be one or more of {', '.join(NAMES)}, joined by +. Received: "
            f"{args.loss}"
        )


def _check_class_weights(args, dataset):
    """Raises a ValueError unless there is a weight for each class."""
    weights = args.class_weights
    if weights in (None, ["balanced"]) or len(weights) == dataset.num_classes:
        return
    raise ValueError(
        "--class-weights must be balanced, or one number for each of the "
        f"{dataset.num_classes} classes. Received: {' '.join(map(str, weights))}"
    )


def augmentation(args):
    """Returns the `keras_seg.data.Augmentation` that the training flags describe.

    Raises:
        ValueError: If a flag is outside the range that `Augmentation` states.
    """
    from keras_seg.data import Augmentation

    resize = args.resize
    if resize is not None and len(resize) == 1:
        (resize,) = resize  # of the shorter side
    return Augmentation(
        args.crop,
        scale=args.scale,
        rotation=args.rotation,
        vertical_flip=args.vertical_flip,
        blur=args.blur,
        resize=resize,
    )


def training_batches(args, model, train_set, val_set, folder=None, targets=None):
    """Returns the batches for `model.fit`: augmented crops, and whole images.

    They have the inputs and targets that the model needs. A resumed run continues with
    the batches of its first epoch that is not completed.

    Args:
        args: the training flags.
        model: the network to train, built in the scope of its strategy.
        train_set, val_set: `SegmentationDataset` for training and validation.
        folder: path of the run, or None for `args.output`.
        targets: function `(inputs, labels) -> (inputs, targets)` on batches, or None
            for `keras_seg.training.named_targets(model)`.

    Returns:
        Batches for training, batches for validation, and the total number of training
        steps, which learning rate schedules need.
    """
    from keras_seg import data, training
    from keras_seg.models import network_info

    strategy = model.distribute_strategy
    positions = "positions" in network_info(model).inputs.values()
    train = data.training_pipeline(
        train_set,
        args.batch_size,
        augmentation(args),
        args.seed,
        args.cache,
        positions,
        first_epoch=training.epochs_done((folder or args.output) / "backup", strategy),
        shard=training.worker(),
        class_balance=args.class_balance,
    )
    replicas = strategy.num_replicas_in_sync
    val_batch_size = ceil_division(args.val_batch_size, replicas) * replicas
    val = data.evaluation_pipeline(
        val_set,
        val_batch_size,
        positions,
        shard=training.worker(),
        one_by_one=_needs_one_by_one(val_set, val_batch_size),
    )
    if training.is_chief():
        print(
            f"{len(train_set)} images to train on, {len(val_set)} to validate on, "
            f"{train_set.num_classes} classes, {len(train)} steps an epoch"
        )
    targets = targets or training.named_targets(model)
    batches = (
        training.distribute_batches(x.map(targets), strategy) for x in (train, val)
    )
    return *batches, args.epochs * len(train)


def _needs_one_by_one(dataset, batch_size):
    """Returns whether images of different sizes would share a batch."""
    if batch_size == 1:
        return False

    def size(index):
        return dataset.read_label(index).shape[:2]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return len(set(threads.map(size, range(len(dataset))))) > 1


def validation_epochs(args):
    """Returns the epochs to validate after, from 1: every n-th, and the last."""
    every = range(args.val_every, args.epochs, args.val_every)
    return [*every, args.epochs]


def segmentation_loss(args, dataset):
    """Returns the loss of logits and labels that the training flags describe.

    Args:
        args: the training flags, after `open_training_data`.
        dataset: `SegmentationDataset` with the labels.
    """
    from keras_seg import losses

    # A recipe may state the stride for a loss that another flag has replaced.
    has_lovasz = "lovasz" in args.loss.split("+")
    return losses.from_name(
        args.loss,
        ignore_class=dataset.ignore_class,
        class_weights=args.class_weights,
        label_smoothing=args.label_smoothing,
        stride=args.lovasz_stride if has_lovasz else None,
    )


def optimizer(args, steps, **groups):
    """Returns the optimizer that the training flags describe.

    Args:
        args: the training flags.
        steps: int. Total number of training steps.
        **groups: `decay_groups` and `rate_groups` of the optimizer. Without the latter,
            the flag for the learning rate of the backbone applies.
    """
    from keras_seg import training

    build = training.AdamW if args.optimizer == "adamw" else training.SGD
    return build(
        training.learning_rate(args.schedule, args.learning_rate, steps, args.warmup),
        weight_decay=args.weight_decay,
        use_ema=args.ema is not None,
        ema_momentum=args.ema or 0.0,
        **{"rate_groups": {"backbone": args.backbone_rate}} | groups,
    )


def finish_run(args, val_set, stages=()):
    """Evaluates and exports the best model of a run, and draws some predictions.

    Prints the scores and writes evaluation.json and predictions.png beside best.keras.
    On several machines, only the chief does this.

    Args:
        args: the training flags.
        val_set: `SegmentationDataset` for validation.
        stages: sequence of str, the folders in that of the run whose backups are
            deleted with its own.
    """
    import keras
    from PIL import Image

    from keras_seg import data, inference, training
    from keras_seg.export import export_saved_model
    from keras_seg.models import inference_model
    from keras_seg.storage.paths import remove_folder
    from keras_seg.storage.replacing import replacing
    from keras_seg.visualization import sample_predictions

    if not training.is_chief():
        return
    path, picture = args.output / "best.keras", args.output / "predictions.png"
    best = inference_model(keras.saving.load_model(path, compile=False))
    batches = data.evaluation_pipeline(
        val_set,
        args.val_batch_size,
        one_by_one=_needs_one_by_one(val_set, args.val_batch_size),
    )
    classes = val_set.class_names
    result = inference.evaluate(best, batches, classes, val_set.ignore_class)
    inference.write_evaluation(result, args.output / "evaluation.json")
    with replacing(picture) as unfinished:
        Image.fromarray(sample_predictions(best, val_set)).save(unfinished)
    exported = export_saved_model(
        best, args.export, overwrite=True, class_names=classes, palette=val_set.palette
    )
    for folder in (args.output, *(args.output / stage for stage in stages)):
        remove_folder(folder / "backup")  # a finished run does not resume
    print(f"{inference.evaluation_table(result)}  on {len(val_set)} images")
    print(f"model        {path}")
    print(f"SavedModel   {exported}")
    print(f"picture      {picture}")
