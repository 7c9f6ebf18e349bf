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

# What differs from keras_seg/command/recipes.py, which has the other defaults.
RECIPES = {
    "default": {
        "filters": 256,
        "refinement_filters": None,
        "separable": False,
        "auxiliary_head": True,
    },
    "scenes": {"weight_decay": 5e-4},
    "camvid": {
        "backbone": "efficientnet_lite_b1",
        "filters": 128,
        "refinement_filters": 64,
        "separable": True,
        "auxiliary_head": False,
        "epochs": 60,
    },
}


def add_flags(parser):
    add, switch = parser.add_argument, argparse.BooleanOptionalAction
    add("--network", choices=["hanet", "deeplab_v3_plus"], default="hanet")
    add("--points", type=int, nargs="+", default=(1, 2, 3, 4), help="of attention")
    add("--reduction-ratio", type=int, help="default: 64 at output stride 8, else 32")
    add("--position-noise", type=float, default=0.5, help="in 16ths of the height")
    add("--attention-weight-decay", type=float, default=1e-4)
    add("--filters", type=int, help="filters of the decoder")
    add(
        "--refinement-filters",
        type=int,
        help="predict at stride 2, with these filters; 0: predict at stride 4",
    )
    add("--separable", action=switch, help="separable convolutions in the decoder")
    add("--auxiliary-head", action=switch, help="with a loss of weight 0.4")


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    train_set, val_set = open_training_data(args)
    num_classes = train_set.num_classes
    decoder = {
        "filters": args.filters,
        "refinement_filters": args.refinement_filters or None,
        "separable": args.separable,
    }
    with strategy.scope():
        pyramid = backbones.build(
            args.backbone,
            args.output_stride,
            args.weights,
            input_channels=train_set.channels,
        )
        if args.network == "hanet":
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
            decay_groups = {"height_attention": args.attention_weight_decay}
        else:
            model = models.DeepLabV3Plus(
                num_classes, pyramid, auxiliary_head=args.auxiliary_head, **decoder
            )
            decay_groups = None
        training.synchronize_batch_norm(model)
        if args.remat:
            training.rematerialize(model.get_layer("backbone"))

    # Augmented crops to train on, whole images to validate on.
    train, val, steps = training_batches(args, model, train_set, val_set)

    # The weights of the losses are those of the authors' code.
    with strategy.scope():
        optimize = optimizer(args, steps, decay_groups=decay_groups)
        loss = segmentation_loss(args, train_set)
        miou = metrics.MeanIoU(num_classes, train_set.ignore_class)
        if args.auxiliary_head:
            model.compile(
                optimize,
                loss={"segmentation": loss, "auxiliary": loss},
                loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
                metrics={"segmentation": [miou]},
            )
        else:
            model.compile(optimize, loss, metrics=[miou])

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
                "val_segmentation_mean_iou" if args.auxiliary_head else "val_mean_iou",
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
    main(parse_training_flags(__doc__, "hanet", RECIPES, add_flags))
