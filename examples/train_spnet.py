"""Trains SPNet on street images, evaluates it, exports it and draws what it sees.

Procedural street scenes (no data needed), CamVid, or a folder of your own:

    python examples/train_spnet.py
    python examples/train_spnet.py --data camvid --data-dir CamVid --crop 240 320 \\
        --backbone efficientnet_lite_b0 --weights imagenet
    python examples/train_spnet.py --data folder --data-dir my_data --crop 480 480

`my_data` holds train/images, train/labels, val/images, val/labels (label PNGs of the
same names, 255 where there is none) and classes.txt, a class name a line.

All visible GPUs train together; --batch-size is that of all of them. With TF_CONFIG set
several machines do, each running the same command. Killed at any moment, the same
command goes on after the last whole epoch.
"""

import math
import pathlib

from keras_seg import metrics, models, scripts, training


def build_model(args, num_classes, steps):
    """SPNet, compiled with the paper's recipe: poly schedule, auxiliary loss 0.4."""
    # The paper pools 60 x 60 features to 20 x 20 and 12 x 12: a third and a fifth.
    cells = [math.ceil(side / args.output_stride) for side in args.crop]
    model = models.SPNet(
        num_classes,
        scripts.backbone(args),
        auxiliary_head=True,
        pool_sizes=[[max(1, side // share) for side in cells] for share in (3, 5)],
    )
    training.synchronize_batch_norm(model)
    model.compile(
        scripts.optimizer(args, steps),
        loss={name: scripts.segmentation_loss(args) for name in model.output},
        loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
        metrics={"segmentation": [metrics.MeanIoU(num_classes)]},
    )
    return model


def main(args):
    strategy = scripts.start(args)
    train_set, val_set = scripts.data_sets(args)
    train, val = scripts.pipelines(args, train_set, val_set, strategy)
    with strategy.scope():
        steps = args.epochs * len(train)
        model = build_model(args, train_set.num_classes, steps)
    scripts.fit(args, model, train, val)
    scripts.report(args, val_set, pathlib.Path(__file__).with_name("predict.py"))


if __name__ == "__main__":
    main(scripts.arguments(__doc__, "spnet").parse_args())
