"""Trains SPNet, evaluates it, exports it for TF Serving and draws some predictions.

Train on procedural street scenes (no data needed), CamVid, or your own folder:

    python examples/train_spnet.py
    python examples/train_spnet.py --data camvid --data-dir CamVid
    python examples/train_spnet.py --data folder --data-dir my_images

Your own folder has train/images, train/labels, val/images, val/labels and classes.txt
with one class per line; see docs/guides/data_sets.md. If interrupted, rerun the same
command; it resumes after the last completed epoch. A finished run is not replaced: pass
another --output and --export, or --overwrite. All GPUs of the machine are used, and
several machines with TF_CONFIG; see docs/guides/distributed.md.

keras_seg/command/recipes.py has the defaults of the flags for each data set, and
keras_seg/command/training_parts.py the plain calls behind the flags.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import tensorflow as tf

from keras_seg import backbones, metrics, models, training
from keras_seg.command.training_flags import parse_training_flags
from keras_seg.command.training_parts import (
    finish_run,
    open_training_data,
    optimizer,
    segmentation_loss,
    training_batches,
    validation_epochs,
)


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    train_set, val_set = open_training_data(args)
    num_classes = train_set.num_classes
    with strategy.scope():
        pyramid = backbones.build(
            args.backbone,
            args.output_stride,
            args.weights,
            input_channels=train_set.channels,
        )
        grids = models.pool_sizes(args.crop, args.output_stride)
        model = models.SPNet(
            num_classes, pyramid, auxiliary_head=True, pool_sizes=grids
        )
        training.synchronize_batch_norm(model)
        if args.remat:
            training.rematerialize(model.get_layer("backbone"))

    # Augmented crops to train on, whole images to validate on.
    train, val, steps = training_batches(args, model, train_set, val_set)

    # The weights of the losses are those of the authors' code.
    with strategy.scope():
        loss = segmentation_loss(args, train_set)
        miou = metrics.MeanIoU(num_classes, train_set.ignore_class)
        model.compile(
            optimizer(args, steps),
            loss={"segmentation": loss, "auxiliary": loss},
            loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
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

    # Evaluates, draws and exports the best model, without its auxiliary head.
    finish_run(args, val_set)


if __name__ == "__main__":
    main(parse_training_flags(__doc__, "spnet"))
