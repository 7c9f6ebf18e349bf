"""Trains a network that combines the ideas of all four papers.

The backbone contains strip pooling and is followed by a context prior; height-driven
attention weights the features of DeepLabV3+'s decoder; and dual super-resolution trains
the network at full size on images of half size.

Train on procedural street scenes (no data needed), CamVid, or your own folder:

    python examples/train_combined.py
    python examples/train_combined.py --data camvid --data-dir CamVid
    python examples/train_combined.py --data folder --data-dir my_images

See train_spnet.py for the layout of your own folder. Crop sizes and scales refer to the
full images.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import tensorflow as tf

from keras_seg import backbones, layers, losses, metrics, models, training
from keras_seg.command.training_flags import parse_training_flags
from keras_seg.command.training_parts import (
    finish_run,
    open_training_data,
    optimizer,
    segmentation_loss,
    training_batches,
    validation_epochs,
)

SCALE = 2  # from the network's images, of half size, to the labels
# Loss weights as in the papers; see train_dsrl.py for that of "super_resolution".
WEIGHTS = {
    "segmentation": 1.0,
    "context_prior": 1.0,
    "super_resolution": 2.0,
    "feature_affinity": 1.0,
}


def add_flags(parser):
    parser.add_argument("--filters", type=int, default=128, help="of the decoder")


def combined_network(num_classes, pyramid, prior_size, filters=128):
    """Builds SPNet's backbone, CPNet's prior and HANet's decoder, wrapped in DSRL.

    Args:
        num_classes: int. Number of classes.
        pyramid: a feature pyramid, as from `backbones.build`.
        prior_size: pair of ints, rows and columns of the last level's features.
        filters: int. Channels of the decoder and of the prior's contexts.

    Returns:
        `keras.Model` from images and the positions of their rows to the outputs of
        `WEIGHTS`.
    """
    pyramid = backbones.feature_pyramid(pyramid, insert=models.strip_pooling_places)
    image = keras.Input(pyramid.input_shape[1:], name="image")
    rows = keras.Input((None,), dtype="int32", name="positions")
    positions = layers.NetworkInput("positions")(rows)

    def attend(low, high):
        attention = layers.HeightDrivenAttention(reduction_ratio=32)
        return attention([low, high], positions=positions)

    levels = models.extract_levels(pyramid, image)
    fine, previous, last = levels["level2"], levels["level4"], levels["level5"]
    x = attend(previous.tensor, last.tensor)
    prior = layers.ContextPriorLayer(filters, prior_size, name="context_prior_layer")
    x, affinity = prior(layers.ConvNorm(2 * filters, 1)(x))
    rates = [max(96 // last.stride, 1) * factor for factor in (1, 2, 3)]
    pooled = layers.AtrousSpatialPyramidPooling(filters, rates, separable=True)(x)
    pooled = attend(x, pooled)
    x = attend(pooled, layers.ConvNorm(filters, 1)(pooled))

    low = layers.ConvNorm(48, 1)(fine.tensor)
    x = layers.ResizeLike(multiple=last.multiple // fine.multiple)([x, low])
    fused = layers.NetworkTensor("encoder")(keras.layers.Concatenate()([low, x]))
    x = layers.SeparableConvNorm(filters, 3)(fused)
    x = attend(fused, layers.SeparableConvNorm(filters, 3)(x))
    x = keras.layers.SpatialDropout2D(0.1)(layers.NetworkTensor("decoder")(x))
    logits = layers.NetworkTensor("logits")(keras.layers.Conv2D(num_classes, 1)(x))
    logits = layers.ResizeLike(multiple=fine.multiple, dtype="float32")([logits, image])
    outputs = {
        "segmentation": layers.NetworkOutput(name="segmentation")(logits),
        "context_prior": layers.NetworkOutput(training_only=True, name="context_prior")(
            affinity
        ),
    }
    network = keras.Model([image, rows], outputs, name="combined")
    return models.dual_super_resolution(network, SCALE, name="combined")


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    train_set, val_set = open_training_data(args)
    num_classes, ignore_class = train_set.num_classes, train_set.ignore_class
    small = [side // SCALE for side in args.crop]
    prior_size = models.prior_size(small, args.output_stride)
    with strategy.scope():
        pyramid = backbones.build(
            args.backbone,
            args.output_stride,
            args.weights,
            input_channels=train_set.channels,
        )
        model = combined_network(num_classes, pyramid, prior_size, args.filters)
        training.synchronize_batch_norm(model)
        if args.remat:
            training.rematerialize(model.get_layer("backbone"))

    # Augmented crops to train on, whole images to validate on.
    train, val, steps = training_batches(args, model, train_set, val_set)

    with strategy.scope():
        miou = metrics.MeanIoU(num_classes, ignore_class)
        model.compile(
            optimizer(args, steps),
            loss={
                "segmentation": segmentation_loss(args, train_set),
                "context_prior": losses.AffinityLoss(
                    prior_size, num_classes, ignore_class
                ),
                "super_resolution": keras.losses.MeanSquaredError(),
                "feature_affinity": losses.OutputLoss(),
            },
            loss_weights=WEIGHTS,
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
    main(parse_training_flags(__doc__, "combined", add_more=add_flags))
