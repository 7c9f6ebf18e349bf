"""Trains DSRL: DeepLabV3+ with images of half size and predictions at full size.

Train on procedural street scenes (no data needed), CamVid, or your own folder:

    python examples/train_dsrl.py
    python examples/train_dsrl.py --data camvid --data-dir CamVid
    python examples/train_dsrl.py --parts sssr        # no super-resolution branch
    python examples/train_dsrl.py --parts none        # DeepLabV3+ at half size
    python examples/train_dsrl.py --stages sssr sisr fa   # parts added in turn

Crop sizes and scales refer to the full images. With --stages, each stage adds a part
and starts from the best model of the stage before. See train_spnet.py for the layout of
your own folder and how to resume a run. After training, draw the outputs of both
branches:

    keras-seg draw resolution runs/dsrl/best.keras image.png --reduce
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras
import tensorflow as tf

from keras_seg import backbones, data, layers, losses, metrics, models, training
from keras_seg.command.training_flags import parse_training_flags
from keras_seg.command.training_parts import (
    finish_run,
    open_training_data,
    optimizer,
    segmentation_loss,
    training_batches,
    validation_epochs,
)

# The outputs trained with each part, and their loss weights. The paper's weight of 0.1
# is for images with standard deviation 1; the equivalent for RGB / 255 is 2.
WEIGHTS = {"segmentation": 1.0, "super_resolution": 2.0, "feature_affinity": 1.0}
PARTS = {
    "none": ["segmentation"],
    "sssr": ["segmentation"],
    "sisr": ["segmentation", "super_resolution"],
    "fa": ["segmentation", "super_resolution", "feature_affinity"],
}


def add_flags(parser):
    group = parser.add_argument_group("DSRL")
    add, one = group.add_argument, group.add_mutually_exclusive_group().add_argument
    one("--parts", choices=[*PARTS], default="fa", help="last part to train")
    one("--stages", choices=[*PARTS][1:], nargs="+", help="parts to train in turn")
    add("--upscale", type=int, default=2, help="scale from input images to labels")
    add("--filters", type=int, default=128, help="of the decoder; DeepLab: 256")
    add("--separable", action="store_true", help="depthwise separable convolutions")
    add("--extension", choices=["light", "full"], default="light")
    add("--extension-filters", type=int, nargs=2, help="of its two convolutions")
    add("--affinity-order", type=int, choices=[1, 2], default=1)
    add("--affinity-subscale", type=int, default=8)


def build_model(args, dataset):
    """Returns a DSRL with all its branches, or the baseline on small images."""
    pyramid = backbones.build(
        args.backbone, args.output_stride, args.weights, input_channels=dataset.channels
    )
    decoder = {"filters": args.filters, "separable": args.separable}
    if args.parts == "none":
        model = models.DeepLabV3Plus(dataset.num_classes, pyramid, **decoder)
        return keras.Model(model.input, {"segmentation": model.output})
    return models.DSRL(
        dataset.num_classes,
        pyramid,
        scale=args.upscale,
        extension=args.extension,
        extension_filters=args.extension_filters,
        affinity_order=args.affinity_order,
        affinity_subscale=args.affinity_subscale,
        **decoder,
    )


def reduce_both(scale):
    """Returns a map function that reduces both images and labels, for the baseline."""

    def reduce(images, labels):
        images = data.low_resolution(images, scale)
        height, width = tf.unstack(tf.shape(images)[1:3])
        labels = labels[:, scale // 2 :: scale, scale // 2 :: scale]
        return images, {"segmentation": labels[:, :height, :width]}

    return reduce


def train_part(args, folder, model, train_set, val_set):
    """Trains the outputs of a model and loads its best weights afterwards."""
    targets = reduce_both(args.upscale) if args.parts == "none" else None
    train, val, steps = training_batches(
        args, model, train_set, val_set, folder, targets
    )
    names = model.output.keys()
    loss = {
        "segmentation": segmentation_loss(args, train_set),
        "super_resolution": keras.losses.MeanSquaredError(),
        "feature_affinity": losses.OutputLoss(),
    }
    with model.distribute_strategy.scope():
        miou = metrics.MeanIoU(train_set.num_classes, train_set.ignore_class)
        model.compile(
            optimizer(args, steps),
            loss={name: loss[name] for name in names},
            loss_weights={name: WEIGHTS[name] for name in names},
            metrics={"segmentation": [miou]},
        )
    print(f"training {', '.join(names)}")
    prefix = "segmentation_" if len(names) > 1 else ""  # as Keras names metrics
    model.fit(
        train,
        epochs=args.epochs,  # none is left for a part that is finished already
        validation_data=val,
        validation_freq=validation_epochs(args),
        callbacks=[
            training.TimeEstimate(),
            *training.callbacks(
                folder,
                f"val_{prefix}mean_iou",
                args.tensorboard,
                keep_backup=True,
                overwrite=args.overwrite,
                class_names=train_set.class_names,
            ),
        ],
        shuffle=False,  # the batches are shuffled
        verbose="auto" if training.is_chief() else 0,
    )
    training.load_weights(model, folder / "best.keras")


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    # The parts are trained one after another or all at once.
    train_set, val_set = open_training_data(args)
    with strategy.scope():
        model = build_model(args, train_set)
        training.synchronize_batch_norm(model)
        if args.remat:
            training.rematerialize(model.get_layer("backbone"))
    for part in args.stages or [args.parts]:
        with strategy.scope():
            network = models.select_outputs(model, PARTS[part])
        train_part(args, args.output / part, network, train_set, val_set)

    # Evaluates, draws and exports the model of the last part, for inference.
    if args.parts == "none":
        logits = layers.BilinearUpsample(args.upscale)(network.output["segmentation"])
        network = keras.Model(network.input, logits)
    if training.is_chief():
        network.save(args.output / "best.keras")
    finish_run(args, val_set, args.stages or [args.parts])


if __name__ == "__main__":
    main(parse_training_flags(__doc__, "dsrl", add_more=add_flags))
