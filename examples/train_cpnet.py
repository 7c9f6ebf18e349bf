"""Trains CPNet, which learns which pixels share a class, or one of its baselines.

Train on procedural street scenes (no data needed), CamVid, or your own folder:

    python examples/train_cpnet.py
    python examples/train_cpnet.py --data camvid --data-dir CamVid
    python examples/train_cpnet.py --supervision cross-entropy   # no global terms
    python examples/train_cpnet.py --supervision none            # no context prior

With --fused-prior, memory grows linearly with the number of feature cells instead of
quadratically, which large crops need. See train_spnet.py for the layout of your own
folder and how to resume a run. After training, draw the learned prior:

    keras-seg draw prior runs/cpnet/best.keras image.png
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import tensorflow as tf

from keras_seg import backbones, losses, metrics, models, training
from keras_seg.command.training_flags import parse_training_flags
from keras_seg.command.training_parts import (
    finish_run,
    open_training_data,
    optimizer,
    segmentation_loss,
    training_batches,
    validation_epochs,
)


def add_flags(parser):
    add = parser.add_argument_group("CPNet").add_argument
    add(
        "--supervision",
        choices=["affinity", "cross-entropy", "none"],
        default="affinity",
        help='loss of the context prior; "none" removes the prior',
    )
    add("--filters", type=int, default=128, help="filters of the contexts; paper: 512")
    add("--kernel-size", type=int, default=5, help="of aggregation; paper: 11")
    add("--fused-prior", action="store_true", help="linear memory in feature cells")


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    # Without its global terms, the affinity loss is the binary cross-entropy.
    train_set, val_set = open_training_data(args)
    num_classes, ignore_class = train_set.num_classes, train_set.ignore_class
    size = models.prior_size(args.crop, args.output_stride)
    has_prior = args.supervision != "none"
    global_weight = 1.0 if args.supervision == "affinity" else 0.0
    with strategy.scope():
        pyramid = backbones.build(
            args.backbone,
            args.output_stride,
            args.weights,
            input_channels=train_set.channels,
        )
        model = models.CPNet(
            num_classes,
            pyramid,
            auxiliary_head=True,
            prior_size=size if has_prior else None,
            filters=args.filters,
            kernel_size=args.kernel_size,
            head_filters=args.filters,
            fused_prior=args.fused_prior,
            ignore_class=ignore_class,
            global_weight=global_weight,
        )
        training.synchronize_batch_norm(model)
        if args.remat:
            training.rematerialize(model.get_layer("backbone"))

    # Augmented crops to train on, whole images to validate on.
    train, val, steps = training_batches(args, model, train_set, val_set)

    # The weights of the losses are those of the paper.
    with strategy.scope():
        loss = segmentation_loss(args, train_set)
        loss_of = {"segmentation": loss, "auxiliary": loss}
        weights = {"segmentation": 1.0, "auxiliary": 0.4}
        if has_prior:
            loss_of["context_prior"] = (
                losses.OutputLoss()  # the model computes the loss itself
                if args.fused_prior
                else losses.AffinityLoss(
                    size, num_classes, ignore_class, global_weight=global_weight
                )
            )
            weights["context_prior"] = 1.0
        miou = metrics.MeanIoU(num_classes, ignore_class)
        model.compile(
            optimizer(args, steps),
            loss=loss_of,
            loss_weights=weights,
            metrics={"segmentation": [miou]},
        )

    # Training writes best.keras, log.csv and a backup to the folder of the run.
    model.fit(
        train,
        epochs=args.epochs,
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
        shuffle=False,  # the batches are shuffled
        verbose="auto" if training.is_chief() else 0,
    )

    # Evaluates, draws and exports the best model, without its training-only outputs.
    finish_run(args, val_set)


if __name__ == "__main__":
    main(parse_training_flags(__doc__, "cpnet", add_more=add_flags))
