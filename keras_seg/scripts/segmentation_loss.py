from keras_seg.losses import (
    OHEMCrossentropy,
    SegmentationCrossentropy,
    SegmentationDice,
    SegmentationFocalCrossentropy,
    WeightedSumLoss,
)

# What `--loss` offers.
LOSSES = {
    "crossentropy": SegmentationCrossentropy,
    "ohem": OHEMCrossentropy,
    "focal": SegmentationFocalCrossentropy,
    "crossentropy+dice": lambda: WeightedSumLoss(
        [SegmentationCrossentropy(), SegmentationDice()]
    ),
}


def segmentation_loss(args):
    """The loss of logits that the flags ask for.

    Args:
        args: what `arguments(...).parse_args()` gives.

    Returns:
        `keras.losses.Loss` of integer labels and logits.
    """
    return LOSSES[args.loss]()
