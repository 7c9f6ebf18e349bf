"""Trains SPNet on street images, evaluates it, exports it and draws what it sees.

Procedural street scenes (no data needed), CamVid, or a folder of your own:

    python examples/train_spnet.py
    python examples/train_spnet.py --data camvid --data-dir CamVid --crop 240 320 \\
        --backbone efficientnet_lite_b0 --weights imagenet
    python examples/train_spnet.py --data folder --data-dir my_data --crop 480 480

`my_data` holds train/images, train/labels, val/images, val/labels (label PNGs of the
same names, 255 where there is none) and classes.txt, a class name a line.

All visible GPUs train together; --batch-size is that of all of them. Interrupted, the
same command goes on after the last whole epoch.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys

import keras
import numpy as np
from PIL import Image

import keras_seg
from keras_seg import data, training


def data_sets(args):
    """The images to train on, and those to validate on."""
    if args.data == "scenes":
        return (
            data.StreetScenes(args.scenes, args.image_size, seed=args.seed),
            data.StreetScenes(args.scenes // 8, args.image_size, seed=args.seed + 1),
        )
    if args.data_dir is None:
        raise SystemExit(f"--data {args.data} needs --data-dir")
    if args.data == "camvid":
        return (
            data.CamVid(args.data_dir, split="train"),
            data.CamVid(args.data_dir, split="val"),
        )
    names = (args.data_dir / "classes.txt").read_text().split("\n")
    names = [name.strip() for name in names if name.strip()]
    return tuple(
        data.ImageFolder(
            args.data_dir / split / "images", args.data_dir / split / "labels", names
        )
        for split in ("train", "val")
    )


def small_resnet(output_stride):
    """A short, narrow ResNet that learns the procedural scenes within minutes.

    Any functional network will do as a backbone; this one is of keras-cv.
    """
    from keras_cv.models import ResNetBackbone

    network = ResNetBackbone(
        stackwise_filters=[64, 64, 128, 192],
        stackwise_blocks=[1, 1, 1, 1],
        stackwise_strides=[1, 2, 2, 2],
        block_type="basic_block",
        include_rescaling=False,
    )
    return keras_seg.backbones.feature_pyramid(network, output_stride, "imagenet")


def backbone(args):
    """The feature pyramid, with ImageNet weights or those of a file where asked for."""
    if args.backbone == "small":
        return small_resnet(args.output_stride)
    return keras_seg.backbones.build(args.backbone, args.output_stride, args.weights)


def build_model(args, num_classes, steps):
    """SPNet, compiled with the papers' recipe: poly schedule, auxiliary loss 0.4."""
    # The paper pools 60 x 60 features to 20 x 20 and 12 x 12: a third and a fifth.
    cells = [math.ceil(side / args.output_stride) for side in args.crop]
    model = keras_seg.models.SPNet(
        num_classes,
        backbone(args),
        auxiliary_head=True,
        pool_sizes=[[max(1, side // share) for side in cells] for share in (3, 5)],
    )
    training.synchronize_batch_norm(model)
    rate = keras.optimizers.schedules.PolynomialDecay(
        args.learning_rate, steps, end_learning_rate=0.0, power=0.9
    )
    if args.optimizer == "sgd":
        optimizer = training.sgd(rate, weight_decay=args.weight_decay)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=args.weight_decay)
    model.compile(
        optimizer,
        loss={
            name: keras_seg.losses.SegmentationCrossentropy() for name in model.output
        },
        loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
        metrics={"segmentation": [keras_seg.metrics.MeanIoU(num_classes)]},
    )
    return model


def evaluate(model, batches, class_names):
    """Mean IoU and IoU by class of whole images."""
    metric = keras_seg.metrics.MeanIoU(len(class_names))
    model.compile(loss=keras_seg.losses.SegmentationCrossentropy(), metrics=[metric])
    model.evaluate(batches)
    by_class = dict(zip(class_names, metric.class_iou().tolist(), strict=True))
    return {"mean_iou": float(metric.result()), "class_iou": by_class}


def predict_in_a_fresh_process(saved_model, samples, folder):
    """Class maps of some images from the exported model, without keras_seg."""
    for name in ("images", "classes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for index, (image, _) in enumerate(samples):
        Image.fromarray(image).save(folder / "images" / f"{index}.png")
    script = pathlib.Path(__file__).with_name("predict.py")
    command = [
        sys.executable,
        script,
        saved_model,
        folder / "images",
        folder / "classes",
    ]
    subprocess.run(command, check=True)
    return [
        np.asarray(Image.open(folder / "classes" / f"{index}.png"))
        for index in range(len(samples))
    ]


def main(args):
    keras.utils.set_random_seed(args.seed)
    train_set, val_set = data_sets(args)
    names = train_set.class_names
    augmentation = data.Augmentation(args.crop, scale=args.scale)
    train = data.training_pipeline(
        train_set, args.batch_size, augmentation, args.seed, args.cache
    )
    val = data.evaluation_pipeline(val_set, args.val_batch_size)
    print(
        f"{len(train_set)} images to train on, {len(val_set)} to validate on, "
        f"{len(names)} classes, {len(train)} steps an epoch"
    )

    with training.mirrored_strategy().scope():
        model = build_model(args, len(names), steps=args.epochs * len(train))
    targets = training.named_targets(model)
    model.fit(
        train.map(targets),
        epochs=args.epochs,
        validation_data=val.map(targets),
        validation_freq=args.val_every,
        callbacks=training.callbacks(
            args.output, model, "val_segmentation_mean_iou", args.tensorboard
        ),
        shuffle=False,  # the pipeline does that
    )

    best = keras.saving.load_model(args.output / "best.keras", compile=False)
    network = keras_seg.models.inference_model(best)
    result = evaluate(network, val, names)
    (args.output / "evaluation.json").write_text(json.dumps(result, indent=2))
    exported = keras_seg.export.export_saved_model(network, args.export, overwrite=True)

    samples = [val_set[i] for i in np.linspace(0, len(val_set) - 1, 4).astype(int)]
    classes = predict_in_a_fresh_process(exported, samples, args.output / "samples")
    images, labels = zip(*samples, strict=True)
    picture = args.output / "predictions.png"
    comparison = keras_seg.visualization.comparison(
        images, labels, classes, val_set.palette, names
    )
    Image.fromarray(comparison).save(picture)

    for name, iou in result["class_iou"].items():
        print(f"{name:>12}  {iou:6.1%}")
    print(f"{'mean IoU':>12}  {result['mean_iou']:6.1%}  on {len(val_set)} images")
    print(f"model        {args.output / 'best.keras'}")
    print(f"SavedModel   {exported}")
    print(f"picture      {picture}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add, path = parser.add_argument, pathlib.Path
    add("--data", choices=["scenes", "camvid", "folder"], default="scenes")
    add("--data-dir", type=path)
    add("--scenes", type=int, default=320, help="number of procedural scenes")
    add("--image-size", type=int, nargs=2, default=(96, 128), help="of the scenes")
    add("--backbone", default="small", help=", ".join(keras_seg.backbones.names()))
    add(
        "--weights", help='of the backbone: "imagenet", or a .keras or .weights.h5 file'
    )
    add("--output-stride", type=int, choices=[8, 16, 32], default=8)
    add("--crop", type=int, nargs=2, default=(64, 96), metavar=("HEIGHT", "WIDTH"))
    add("--scale", type=float, nargs=2, default=(0.5, 2.0), metavar=("LOW", "HIGH"))
    add("--batch-size", type=int, default=8, help="over all devices")
    add("--cache", action="store_true", help="keep the read images in memory")
    add("--val-batch-size", type=int, default=1)
    add("--val-every", type=int, default=1, metavar="EPOCHS")
    add("--epochs", type=int, default=5)
    add("--optimizer", choices=["sgd", "adamw"], default="adamw")
    add("--learning-rate", type=float, default=1e-3, help="the papers' SGD: 0.01")
    add("--weight-decay", type=float, default=1e-4)
    add("--seed", type=int, default=0)
    add("--tensorboard", action="store_true", help="needs keras-seg[tensorboard]")
    add("--output", type=path, default=path("runs/spnet"), help="folder of the run")
    add("--export", type=path, default=path("saved_models/spnet/1"))
    main(parser.parse_args())
