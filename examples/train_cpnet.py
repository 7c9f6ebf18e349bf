"""Trains CPNet, which learns which pixels share a class, and its baselines.

Procedural street scenes (no data needed), CamVid, or a folder of your own:

    python examples/train_cpnet.py
    python examples/train_cpnet.py --data camvid --data-dir CamVid --crop 240 320 \\
        --backbone efficientnet_lite_b0 --weights imagenet --output-stride 16
    python examples/train_cpnet.py --supervision cross-entropy   # no affinity loss
    python examples/train_cpnet.py --supervision none            # no prior at all

The layout of a folder of your own, and what the flags mean, are those of
train_spnet.py. With --fused-prior, memory grows with the number of the features' cells
instead of their square, which large crops need.

Afterwards, to see what the prior learned:

    python -m keras_seg.visualization prior runs/cpnet/best.keras image.png
"""

import pathlib

from keras_seg import losses, metrics, models, scripts, training


def build_model(args, num_classes, steps):
    """CPNet, compiled with the paper's recipe: weights 1, 0.4 and 1 for its losses."""
    size = models.prior_size(args.crop, args.output_stride)
    # Without its global terms, the affinity loss is the binary cross-entropy.
    global_weight = 1.0 if args.supervision == "affinity" else 0.0
    model = models.CPNet(
        num_classes,
        scripts.backbone(args),
        auxiliary_head=True,
        prior_size=None if args.supervision == "none" else size,
        filters=args.filters,
        kernel_size=args.kernel_size,
        head_filters=args.filters,
        fused_prior=args.fused_prior,
        global_weight=global_weight,
    )
    training.synchronize_batch_norm(model)
    loss = {name: scripts.segmentation_loss(args) for name in model.output}
    weights = {"segmentation": 1.0, "auxiliary": 0.4}
    if "context_prior" in model.output:
        loss["context_prior"] = (
            losses.OutputLoss()
            if args.fused_prior
            else losses.AffinityLoss(size, num_classes, global_weight=global_weight)
        )
        weights["context_prior"] = 1.0
    model.compile(
        scripts.optimizer(args, steps),
        loss=loss,
        loss_weights=weights,
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
    parser = scripts.arguments(__doc__, "cpnet")
    add = parser.add_argument
    add(
        "--supervision",
        choices=["affinity", "cross-entropy", "none"],
        default="affinity",
        help="of the prior; none leaves it out",
    )
    add("--filters", type=int, default=128, help="of the contexts; the paper's: 512")
    add("--kernel-size", type=int, default=5, help="of the aggregation; at 64 cells 11")
    add("--fused-prior", action="store_true", help="memory linear in the cells")
    main(parser.parse_args())
