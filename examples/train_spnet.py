"""Trains SPNet, evaluates it, exports it for TF Serving and draws some predictions.

Train on procedural street scenes (no data needed), CamVid, or your own folder:

    python examples/train_spnet.py
    python examples/train_spnet.py --data camvid --data-dir CamVid
    python examples/train_spnet.py --data folder --data-dir my_images

Your own folder has train/images, train/labels, val/images, val/labels and classes.txt
with one class per line; see docs/guides/data_sets.md. If interrupted, rerun the same
command; it resumes after the last completed epoch. All GPUs of the machine are used,
and several machines with TF_CONFIG; see docs/guides/distributed.md.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow


import keras
import tensorflow as tf
from PIL import Image

from keras_seg import (
    backbones,
    data,
    export,
    inference,
    losses,
    metrics,
    models,
    training,
    visualization,
)
from keras_seg.command.training_flags import (
    augmentation,
    open_training_data,
    parse_training_flags,
    validation_epochs,
)
from keras_seg.data.storage import open_file, remove_folder
from keras_seg.training.backup import epochs_done
from keras_seg.training.worker import worker

# Defaults of flags by data set; see training_flags.DEFAULTS for the others.
RECIPES = {
    "scenes": {
        "backbone": "resnet10",
        "output_stride": 8,
        "crop": (64, 96),
        "epochs": 5,
    },
    "camvid": {
        "weights": "imagenet",
        "backbone_rate": 0.5,
        "batch_size": 4,
        "class_balance": 0.5,
        "ema": 0.99,
        "epochs": 40,
    },
    "default": {"weights": "imagenet", "backbone_rate": 0.1},
}


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    index, _ = worker()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    # Data: augmented crops to train on, whole images to validate on.
    train_set, val_set = open_training_data(args)
    train = data.training_pipeline(
        train_set,
        args.batch_size,
        augmentation(args),
        args.seed,
        args.cache,
        first_epoch=epochs_done(args.output / "backup", strategy),
        shard=worker(),
        class_balance=args.class_balance,
    )
    replicas = strategy.num_replicas_in_sync
    val_batch_size = -(-args.val_batch_size // replicas) * replicas
    val = data.evaluation_pipeline(val_set, val_batch_size, shard=worker())
    steps, num_classes = args.epochs * len(train), train_set.num_classes
    print(
        f"{len(train_set)} images to train on, {len(val_set)} to validate on, "
        f"{num_classes} classes, {len(train)} steps an epoch"
    )

    # Model, losses with the weights of the authors' code, and optimizer.
    with strategy.scope():
        pyramid = backbones.build(
            args.backbone,
            args.output_stride,
            args.weights,
            input_channels=train_set.channels,
        )
        model = models.SPNet(num_classes, pyramid, auxiliary_head=True)
        training.synchronize_batch_norm(model)
        optimizer = (training.AdamW if args.optimizer == "adamw" else training.sgd)(
            training.learning_rate(
                args.schedule, args.learning_rate, steps, args.warmup
            ),
            weight_decay=args.weight_decay,
            rate_groups={"backbone": args.backbone_rate},
            use_ema=args.ema is not None,
            ema_momentum=args.ema or 0.0,
        )
        loss = losses.from_name(
            args.loss,
            ignore_class=train_set.ignore_class,
            class_weights=args.class_weights,
            label_smoothing=args.label_smoothing,
        )
        model.compile(
            optimizer,
            loss={"segmentation": loss, "auxiliary": loss},
            loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
            metrics={
                "segmentation": [metrics.MeanIoU(num_classes, train_set.ignore_class)]
            },
        )

    # Training writes best.keras, log.csv and a backup to the folder of the run.
    targets = training.named_targets(model)
    train, val = (
        training.distribute_batches(batches.map(targets), strategy)
        for batches in (train, val)
    )
    model.fit(
        train,
        epochs=args.epochs,
        verbose="auto" if index == 0 else 0,
        validation_data=val,
        validation_freq=validation_epochs(args),
        callbacks=[
            training.TimeEstimate(),
            *training.callbacks(
                args.output,
                "val_segmentation_mean_iou",
                args.tensorboard,
                keep_backup=True,
                overwrite=args.overwrite,
                class_names=train_set.class_names,
            ),
        ],
        shuffle=False,  # the pipeline shuffles
    )
    if index > 0:
        return  # only the chief worker evaluates and exports

    # Evaluate, draw and export the best model, without its auxiliary head.
    best = keras.saving.load_model(args.output / "best.keras", compile=False)
    best = models.inference_model(best)
    batches = data.evaluation_pipeline(val_set, args.val_batch_size)
    result = inference.evaluate(
        best, batches, val_set.class_names, val_set.ignore_class
    )
    inference.write_evaluation(result, args.output / "evaluation.json")
    picture = visualization.sample_predictions(best, val_set)
    with open_file(args.output / "predictions.png", "wb") as file:
        Image.fromarray(picture).save(file, "png")
    exported = export.export_saved_model(
        best,
        args.export,
        overwrite=True,
        class_names=val_set.class_names,
        palette=val_set.palette,
    )
    remove_folder(args.output / "backup")  # a finished run does not resume
    print(f"{inference.evaluation_table(result)}  on {len(val_set)} images")
    print(f"model        {args.output / 'best.keras'}")
    print(f"SavedModel   {exported}")
    print(f"picture      {args.output / 'predictions.png'}")


if __name__ == "__main__":
    main(parse_training_flags(__doc__, "spnet", RECIPES))
