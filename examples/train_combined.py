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
from PIL import Image

from keras_seg import (
    backbones,
    data,
    export,
    inference,
    layers,
    losses,
    metrics,
    models,
    training,
    visualization,
)
from keras_seg.command.training_flags import (
    augmentation,
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
    "camvid": {"weights": "imagenet", "backbone_rate": 0.1, "epochs": 100},
    "default": {"weights": "imagenet", "backbone_rate": 0.1},
}

# From the network's images, of half size, to the labels.
SCALE = 2
# Loss weights as in the papers; see train_dsrl.py for that of "super_resolution".
WEIGHTS = {
    "segmentation": 1.0,
    "context_prior": 1.0,
    "super_resolution": 2.0,
    "feature_affinity": 1.0,
}


def add_flags(parser):
    add = parser.add_argument_group("the combined network").add_argument
    add("--filters", type=int, default=128, help="filters of the decoder")


def combined_network(num_classes, pyramid, prior_size, filters=128, positions=False):
    """Builds SPNet's backbone, CPNet's prior and HANet's decoder, wrapped in DSRL.

    Args:
        num_classes: int. Number of classes.
        pyramid: a feature pyramid, as from `backbones.build`.
        prior_size: pair of ints, rows and columns of the last level's features.
        filters: int. Channels of the decoder and of the prior's contexts.
        positions: bool. Whether row positions in the whole image are an input.

    Returns:
        `keras.Model` with the outputs of `WEIGHTS`.
    """
    pyramid = backbones.feature_pyramid(pyramid, insert=models.strip_pooling_places)
    image = keras.Input((None, None, 3), name="image")
    inputs, place = image, {}
    if positions:
        rows = keras.Input((None,), dtype="int32", name="positions")
        inputs = [image, rows]
        place["positions"] = layers.NetworkInput("positions")(rows)

    def attend(low, high):
        return layers.HeightDrivenAttention(reduction_ratio=32)([low, high], **place)

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
    x = layers.ResizeLike(True, last.multiple // fine.multiple)([x, low])
    fused = layers.NetworkTensor("encoder")(keras.layers.Concatenate()([low, x]))
    x = layers.SeparableConvNorm(filters, 3)(fused)
    x = attend(fused, layers.SeparableConvNorm(filters, 3)(x))
    x = keras.layers.SpatialDropout2D(0.1)(layers.NetworkTensor("decoder")(x))
    logits = layers.NetworkTensor("logits")(keras.layers.Conv2D(num_classes, 1)(x))
    logits = layers.ResizeLike(True, fine.multiple, dtype="float32")([logits, image])
    outputs = {
        "segmentation": layers.NetworkOutput(name="segmentation")(logits),
        "context_prior": layers.NetworkOutput(training_only=True, name="context_prior")(
            affinity
        ),
    }
    network = keras.Model(inputs, outputs, name="combined")
    return models.dual_super_resolution(network, SCALE, name="combined")


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    index, _ = worker()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    # Data: augmented crops to train on, whole images to validate on.
    train_set, val_set = data.open_splits(
        args.data, args.data_dir, args.scenes, args.image_size, args.seed
    )
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

    # Model, losses and optimizer.
    prior_size = models.prior_size(
        [side // SCALE for side in args.crop], args.output_stride
    )
    with strategy.scope():
        pyramid = backbones.build(args.backbone, args.output_stride, args.weights)
        model = combined_network(num_classes, pyramid, prior_size, args.filters)
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
            loss={
                "segmentation": loss,
                "context_prior": losses.AffinityLoss(prior_size, num_classes),
                "super_resolution": keras.losses.MeanSquaredError(),
                "feature_affinity": losses.OutputLoss(),
            },
            loss_weights=WEIGHTS,
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
            ),
        ],
        shuffle=False,  # the pipeline shuffles
    )
    if index > 0:
        return  # only the chief worker evaluates and exports

    # Evaluate, draw and export the best model, without its training-only outputs.
    best = keras.saving.load_model(args.output / "best.keras", compile=False)
    best = models.inference_model(best)
    batches = data.evaluation_pipeline(val_set, args.val_batch_size)
    batches = batches.map(training.named_targets(best))
    result = inference.evaluate(best, batches, val_set.class_names)
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
    main(parse_training_flags(__doc__, "combined", RECIPES, add_flags))
