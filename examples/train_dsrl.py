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
    add = parser.add_argument_group("DSRL").add_argument
    add("--parts", choices=[*PARTS], default="fa", help="last part to train")
    add("--stages", choices=[*PARTS][1:], nargs="+", help="parts to train in turn")
    add("--upscale", type=int, default=2, help="scale from input images to labels")
    add("--filters", type=int, default=128, help="of the decoder; DeepLab: 256")
    add("--separable", action="store_true", help="depthwise separable convolutions")
    add("--extension", choices=["light", "full"], default="light")
    add("--extension-filters", type=int, nargs=2, help="of its two convolutions")
    add("--affinity-order", type=int, choices=[1, 2], default=1)
    add("--affinity-subscale", type=int, default=8)


def build_model(args, num_classes, channels):
    """Returns a DSRL with all its branches, or the baseline on small images."""
    pyramid = backbones.build(
        args.backbone,
        args.output_stride,
        args.weights,
        input_channels=channels,
    )
    decoder = {"filters": args.filters, "separable": args.separable}
    if args.parts == "none":
        model = models.DeepLabV3Plus(num_classes, pyramid, **decoder)
        model = keras.Model(model.input, {"segmentation": model.output})
    else:
        model = models.DSRL(
            num_classes,
            pyramid,
            scale=args.upscale,
            extension=args.extension,
            extension_filters=args.extension_filters,
            affinity_order=args.affinity_order,
            affinity_subscale=args.affinity_subscale,
            **decoder,
        )
    training.synchronize_batch_norm(model)
    return model


def reduce_both(args):
    """Returns a map function that reduces both images and labels, for the baseline."""
    scale = args.upscale

    def reduce(images, labels):
        images = data.low_resolution(images, scale)
        height, width = tf.unstack(tf.shape(images)[1:3])
        labels = labels[:, scale // 2 :: scale, scale // 2 :: scale]
        return images, {"segmentation": labels[:, :height, :width]}

    return reduce


def compile_model(args, model, steps, ignore_class):
    """Compiles a model with the paper's losses for its outputs."""
    loss = {
        "segmentation": losses.from_name(
            args.loss,
            ignore_class=ignore_class,
            class_weights=args.class_weights,
            label_smoothing=args.label_smoothing,
        ),
        "super_resolution": keras.losses.MeanSquaredError(),
        "feature_affinity": losses.OutputLoss(),
    }
    optimizer = (training.AdamW if args.optimizer == "adamw" else training.sgd)(
        training.learning_rate(args.schedule, args.learning_rate, steps, args.warmup),
        weight_decay=args.weight_decay,
        rate_groups={"backbone": args.backbone_rate},
        use_ema=args.ema is not None,
        ema_momentum=args.ema or 0.0,
    )
    num_classes = model.output["segmentation"].shape[-1]
    model.compile(
        optimizer,
        loss={name: loss[name] for name in model.output},
        loss_weights={name: WEIGHTS[name] for name in model.output},
        metrics={"segmentation": [metrics.MeanIoU(num_classes, ignore_class)]},
    )


def train_part(args, folder, model, strategy, train_set, val_set):
    """Trains the outputs of a model and loads its best weights afterwards."""
    train = data.training_pipeline(
        train_set,
        args.batch_size,
        augmentation(args),
        args.seed,
        args.cache,
        first_epoch=epochs_done(folder / "backup", strategy),
        shard=worker(),
        class_balance=args.class_balance,
    )
    replicas = strategy.num_replicas_in_sync
    val_batch_size = -(-args.val_batch_size // replicas) * replicas
    val = data.evaluation_pipeline(val_set, val_batch_size, shard=worker())
    with strategy.scope():
        steps = args.epochs * len(train)
        compile_model(args, model, steps, train_set.ignore_class)
    print(f"training {', '.join(model.output)}")
    is_baseline = args.parts == "none"
    targets = (
        reduce_both(args)
        if is_baseline
        else training.named_targets(model, args.upscale)
    )
    train, val = (
        training.distribute_batches(batches.map(targets), strategy)
        for batches in (train, val)
    )
    prefix = "segmentation_" if len(model.output) > 1 else ""  # as Keras names metrics
    callbacks = training.callbacks(
        folder,
        f"val_{prefix}mean_iou",
        args.tensorboard,
        keep_backup=True,
        overwrite=args.overwrite,
        class_names=train_set.class_names,
    )
    model.fit(
        train,
        epochs=args.epochs,  # none is left for a part that is finished already
        verbose="auto" if worker()[0] == 0 else 0,
        validation_data=val,
        validation_freq=validation_epochs(args),
        callbacks=[training.TimeEstimate(), *callbacks],
        shuffle=False,  # the pipeline shuffles
    )
    training.load_weights(model, folder / "best.keras")


def main(args):
    # The strategy must exist before any operation runs on the devices.
    strategy = training.distribution_strategy()
    keras.utils.set_random_seed(args.seed)
    if args.deterministic:
        tf.config.experimental.enable_op_determinism()

    # Data and model; the parts are trained one after another or all at once.
    train_set, val_set = open_training_data(args)
    with strategy.scope():
        model = build_model(args, train_set.num_classes, train_set.channels)
    for part in args.stages or [args.parts]:
        with strategy.scope():
            network = models.select_outputs(model, PARTS[part])
        folder = args.output / part
        train_part(args, folder, network, strategy, train_set, val_set)
    if worker()[0] > 0:
        return  # only the chief worker evaluates and exports

    # Evaluate, draw and export the inference model.
    if args.parts == "none":
        logits = layers.BilinearUpsample(args.upscale)(network.output["segmentation"])
        network = keras.Model(network.input, logits)
    network.save(args.output / "best.keras")
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
    for backup in [*args.output.rglob("backup")]:
        remove_folder(backup)  # a finished run does not resume
    print(f"{inference.evaluation_table(result)}  on {len(val_set)} images")
    print(f"model        {args.output / 'best.keras'}")
    print(f"SavedModel   {exported}")
    print(f"picture      {args.output / 'predictions.png'}")


if __name__ == "__main__":
    main(parse_training_flags(__doc__, "dsrl", RECIPES, add_flags))
