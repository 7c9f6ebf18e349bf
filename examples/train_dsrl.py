"""Trains DSRL: DeepLabV3+ that sees images at half their size and predicts at the full.

Procedural street scenes (no data needed), CamVid, or a folder of your own:

    python examples/train_dsrl.py
    python examples/train_dsrl.py --data camvid --data-dir CamVid --crop 256 320 \\
        --backbone efficientnet_lite_b0 --weights imagenet --output-stride 16
    python examples/train_dsrl.py --parts sssr        # no second branch
    python examples/train_dsrl.py --parts none        # DeepLabV3+ at half the size
    python examples/train_dsrl.py --stages sssr sisr fa   # one after another

The layout of a folder of your own, and what the flags mean, are those of
train_spnet.py. Sizes and scales are those of the full images. With --stages each part
joins after the epochs of those before; the best model of a stage begins the next.

Afterwards, to see what both branches learned:

    python -m keras_seg.visualization resolution runs/dsrl/best.keras image.png --reduce
"""

import argparse
import pathlib

import keras
import tensorflow as tf

from keras_seg import layers, losses, metrics, models, scripts, training
from keras_seg.data import low_resolution

# The outputs that are trained with each part, and the weights of their losses. The
# paper's 0.1 is for images of deviation 1; the same for RGB / 255 is 2.
WEIGHTS = {"segmentation": 1.0, "super_resolution": 2.0, "feature_affinity": 1.0}
PARTS = {
    "sssr": ["segmentation"],
    "sisr": ["segmentation", "super_resolution"],
    "fa": ["segmentation", "super_resolution", "feature_affinity"],
}


def build_model(args, num_classes):
    """DSRL with all its branches."""
    return models.DSRL(
        num_classes,
        scripts.backbone(args),
        scale=args.upscale,
        filters=args.filters,
        separable=args.separable,
        extension_filters=args.extension_filters,
        affinity_order=args.affinity_order,
        affinity_subscale=args.affinity_subscale,
    )


def compile_part(args, model, steps):
    """Compiles a model with the paper's losses for the outputs that it has."""
    loss = {
        "segmentation": scripts.segmentation_loss(args),
        "super_resolution": keras.losses.MeanSquaredError(),
        "feature_affinity": losses.OutputLoss(),
    }
    num_classes = model.output["segmentation"].shape[-1]
    model.compile(
        scripts.optimizer(args, steps),
        loss={name: loss[name] for name in model.output},
        loss_weights={name: WEIGHTS[name] for name in model.output},
        metrics={"segmentation": [metrics.MeanIoU(num_classes)]},
    )


def in_folder(args, part):
    """The flags of a training that is a part of the run."""
    return argparse.Namespace(**vars(args) | {"output": args.output / part})


def train_stages(args, strategy, train_set, val_set):
    """Trains the parts of DSRL one after another, or all that are asked for at once.

    Returns the last part's best model.
    """
    with strategy.scope():
        model = build_model(args, train_set.num_classes)
        training.synchronize_batch_norm(model)
    for part in args.stages or [args.parts]:
        stage = in_folder(args, part)
        train, val = scripts.pipelines(stage, train_set, val_set, strategy)
        with strategy.scope():
            network = models.select_outputs(model, PARTS[part])
            compile_part(args, network, args.epochs * len(train))
        print(f"training {', '.join(network.output)}")
        # A finished stage of a run that was interrupted has no epoch left.
        scripts.fit(stage, network, train, val, args.upscale)
        training.load_weights(network, stage.output / "best.keras")
    return network


def train_plain(args, strategy, train_set, val_set):
    """Trains DeepLabV3+ on images and labels of the low resolution: the baseline.

    Returns the best model with its logits enlarged.
    """
    stage = in_folder(args, "low_resolution")
    train, val = scripts.pipelines(stage, train_set, val_set, strategy)
    num_classes = train_set.num_classes
    with strategy.scope():
        model = models.DeepLabV3Plus(
            num_classes,
            scripts.backbone(args),
            filters=args.filters,
            separable=args.separable,
        )
        model = keras.Model(model.input, {"segmentation": model.output})
        training.synchronize_batch_norm(model)
        compile_part(args, model, args.epochs * len(train))

    def reduce(images, labels):
        images, middle = low_resolution(images, args.upscale), args.upscale // 2
        labels = labels[:, middle :: args.upscale, middle :: args.upscale]
        height, width = tf.unstack(tf.shape(images)[1:3])
        return images, labels[:, :height, :width]

    scripts.fit(stage, model, train.map(reduce), val.map(reduce))
    training.load_weights(model, stage.output / "best.keras")
    enlarged = layers.BilinearUpsample(args.upscale)(model.output["segmentation"])
    return keras.Model(model.input, enlarged)


def main(args):
    strategy = scripts.start(args)
    train_set, val_set = scripts.data_sets(args)
    train = train_plain if args.parts == "none" else train_stages
    best = train(args, strategy, train_set, val_set)
    client = pathlib.Path(__file__).with_name("predict.py")
    scripts.report(args, val_set, client, args.upscale, best)


if __name__ == "__main__":
    parser = scripts.arguments(__doc__, "dsrl")
    add = parser.add_argument
    add("--parts", choices=["none", *PARTS], default="fa", help="up to which to train")
    add("--stages", choices=list(PARTS), nargs="+", help="epochs for each, in turn")
    add("--upscale", type=int, default=2, help="from the images seen to the labels")
    add("--filters", type=int, default=128, help="of the decoder; DeepLab's: 256")
    add("--separable", action="store_true", help="depthwise separable convolutions")
    add("--extension-filters", type=int, nargs=2, default=(64, 32))
    add("--affinity-order", type=int, choices=[1, 2], default=1)
    add("--affinity-subscale", type=int, default=8)
    main(parser.parse_args())
