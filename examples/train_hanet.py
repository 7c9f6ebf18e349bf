"""Trains HANet, DeepLabV3+ with attention by height, and its baseline without.

Procedural street scenes (no data needed), CamVid, or a folder of your own:

    python examples/train_hanet.py
    python examples/train_hanet.py --data camvid --data-dir CamVid --crop 240 320 \\
        --backbone efficientnet_lite_b0 --weights imagenet --output-stride 16
    python examples/train_hanet.py --network deeplab_v3_plus    # the baseline

Crops tell the network where in the image they come from; whole images, in validation
and when the model is served, need not. The layout of a folder of your own, and what the
flags mean, are those of train_spnet.py.

Afterwards, to see what the attention does:

    python -m keras_seg.visualization attention runs/hanet/best.keras image.png
"""

import pathlib

from keras_seg import metrics, models, scripts, training


def build_model(args, num_classes, steps):
    """HANet or DeepLabV3+, compiled with the recipe of HANet's release."""
    options = {
        "auxiliary_head": True,
        "filters": args.filters,
        "separable": args.separable,
    }
    decay_groups = None
    if args.network == "hanet":
        model = models.HANet(
            num_classes,
            scripts.backbone(args),
            reduction_ratio=args.reduction_ratio,
            positions=True,
            points=args.points,
            position_noise=args.position_noise,
            **options,
        )
        decay_groups = {"height_attention": args.attention_weight_decay}
    else:
        model = models.DeepLabV3Plus(num_classes, scripts.backbone(args), **options)
    training.synchronize_batch_norm(model)
    model.compile(
        scripts.optimizer(args, steps, decay_groups),
        loss={name: scripts.segmentation_loss(args) for name in model.output},
        loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
        metrics={"segmentation": [metrics.MeanIoU(num_classes)]},
    )
    return model


def main(args):
    strategy = scripts.start(args)
    sets = train_set, val_set = scripts.data_sets(args)
    train, val = scripts.pipelines(args, *sets, strategy, args.network == "hanet")
    with strategy.scope():
        steps = args.epochs * len(train)
        model = build_model(args, train_set.num_classes, steps)
    scripts.fit(args, model, train, val)
    scripts.report(args, val_set, pathlib.Path(__file__).with_name("predict.py"))


if __name__ == "__main__":
    parser = scripts.arguments(__doc__, "hanet")
    add = parser.add_argument
    add("--network", choices=["hanet", "deeplab_v3_plus"], default="hanet")
    add("--points", type=int, nargs="+", default=(1, 2, 3, 4), help="of attention")
    add("--reduction-ratio", type=int, help="64 at output stride 8, else 32")
    add("--position-noise", type=float, default=0.5, help="in 16ths of the image")
    add("--attention-weight-decay", type=float, default=1e-4)
    add("--filters", type=int, default=256, help="of the decoder")
    add("--separable", action="store_true", help="depthwise separable convolutions")
    parser.set_defaults(weight_decay=5e-4)
    main(parser.parse_args())
