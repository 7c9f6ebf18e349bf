"""Trains HANet, DeepLabV3+ with height-driven attention, or its baseline without.

Train on procedural street scenes (no data needed), CamVid, or your own folder:

    python examples/train_hanet.py
    python examples/train_hanet.py --data camvid --data-dir CamVid
    python examples/train_hanet.py --network deeplab_v3_plus    # the baseline

Training crops include the positions of their rows in the whole image; whole images, in
validation and serving, do not need them. See train_spnet.py for the layout of your own
folder and how to resume a run. After training, draw the attention:

    keras-seg draw attention runs/hanet/best.keras image.png
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import argparse

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
        "weight_decay": 5e-4,
        "filters": 256,
        "separable": False,
        "auxiliary_head": True,
    },
    "camvid": {
        "weights": "imagenet",
        "backbone_rate": 0.5,
        "batch_size": 4,
        "class_balance": 0.5,
        "ema": 0.995,
        "epochs": 36,
        "scale": (0.6, 1.8),
        "loss": "crossentropy+lovasz",
        "lovasz_stride": 4,
        "learning_rate": 1.5e-3,
        "weight_decay": 1e-2,
        "warmup": 100,
        "val_every": 5,
        "filters": 128,
        "separable": True,
        "auxiliary_head": False,
    },
    "default": {
        "weights": "imagenet",
        "backbone_rate": 0.1,
        "filters": 256,
        "separable": False,
        "auxiliary_head": True,
    },
}


def add_flags(parser):
    add = parser.add_argument_group("HANet").add_argument
    add("--network", choices=["hanet", "deeplab_v3_plus"], default="hanet")
    add(
        "--points",
        type=int,
        nargs="+",
        default=(1, 2, 3, 4),
        help="places of the attention layers",
    )
    add("--reduction-ratio", type=int, help="default: 64 at output stride 8, else 32")
    add("--position-noise", type=float, default=0.5, help="in 16ths of the height")
    add("--attention-weight-decay", type=float, default=1e-4)
    add("--filters", type=int, help="filters of the decoder")
    add(
        "--separable",
        action=argparse.BooleanOptionalAction,
        help="depthwise separable convolutions in the decoder",
    )
    add(
        "--auxiliary-head",
        action=argparse.BooleanOptionalAction,
        help="an FCN head on the second-to-last level, with a loss of weight 0.4",
    )


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    index, _ = worker()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    # Data: augmented crops to train on, whole images to validate on.
    train_set, val_set = open_training_data(args)
    has_attention = args.network == "hanet"
    train = data.training_pipeline(
        train_set,
        args.batch_size,
        augmentation(args),
        args.seed,
        args.cache,
        positions=has_attention,
        first_epoch=epochs_done(args.output / "backup", strategy),
        shard=worker(),
        class_balance=args.class_balance,
    )
    replicas = strategy.num_replicas_in_sync
    val_batch_size = -(-args.val_batch_size // replicas) * replicas
    val = data.evaluation_pipeline(
        val_set, val_batch_size, positions=has_attention, shard=worker()
    )
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
        decoder = {"filters": args.filters, "separable": args.separable}
        if has_attention:
            model = models.HANet(
                num_classes,
                pyramid,
                auxiliary_head=args.auxiliary_head,
                reduction_ratio=args.reduction_ratio,
                positions=True,
                points=args.points,
                position_noise=args.position_noise,
                **decoder,
            )
        else:
            model = models.DeepLabV3Plus(
                num_classes, pyramid, args.auxiliary_head, **decoder
            )
        decay = {"height_attention": args.attention_weight_decay}
        training.synchronize_batch_norm(model)
        optimizer = (training.AdamW if args.optimizer == "adamw" else training.sgd)(
            training.learning_rate(
                args.schedule, args.learning_rate, steps, args.warmup
            ),
            weight_decay=args.weight_decay,
            decay_groups=decay if has_attention else None,
            rate_groups={"backbone": args.backbone_rate},
            use_ema=args.ema is not None,
            ema_momentum=args.ema or 0.0,
        )
        loss = losses.from_name(
            args.loss,
            ignore_class=train_set.ignore_class,
            class_weights=args.class_weights,
            label_smoothing=args.label_smoothing,
            stride=args.lovasz_stride,
        )
        metric = metrics.MeanIoU(num_classes, train_set.ignore_class)
        if args.auxiliary_head:
            model.compile(
                optimizer,
                loss={"segmentation": loss, "auxiliary": loss},
                loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
                metrics={"segmentation": [metric]},
            )
        else:
            model.compile(optimizer, loss, metrics=[metric])

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
                "val_segmentation_mean_iou" if args.auxiliary_head else "val_mean_iou",
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
    main(parse_training_flags(__doc__, "hanet", RECIPES, add_flags))
