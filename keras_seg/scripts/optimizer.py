import keras

from keras_seg.training import AdamW, sgd


def optimizer(args, steps, decay_groups=None):
    """The optimizer that the flags ask for, on the papers' poly schedule.

    Args:
        args: what `arguments(...).parse_args()` gives.
        steps: int, of the whole training.
        decay_groups: dict `{part of variable paths: weight decay}`, or None.

    Returns:
        A Keras optimizer whose rate falls to 0 as `(1 - step / steps)^0.9`; that of the
        backbone is `--backbone-rate` times as large. With `--ema` it keeps a moving
        average of the weights.
    """
    rate = keras.optimizers.schedules.PolynomialDecay(
        args.learning_rate, steps, end_learning_rate=0.0, power=0.9
    )
    options = {"weight_decay": args.weight_decay, "decay_groups": decay_groups}
    if args.backbone_rate != 1:  # a frozen backbone would be a group without variables
        options["rate_groups"] = {"backbone": args.backbone_rate}
    if args.ema is not None:
        options |= {"use_ema": True, "ema_momentum": args.ema}
    return sgd(rate, **options) if args.optimizer == "sgd" else AdamW(rate, **options)
