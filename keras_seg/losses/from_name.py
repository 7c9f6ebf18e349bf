import inspect
from typing import Any

import keras

from keras_seg.losses.lovasz_softmax import LovaszSoftmax
from keras_seg.losses.ohem_crossentropy import OHEMCrossentropy
from keras_seg.losses.segmentation_crossentropy import SegmentationCrossentropy
from keras_seg.losses.segmentation_dice import SegmentationDice
from keras_seg.losses.segmentation_focal_crossentropy import (
    SegmentationFocalCrossentropy,
)
from keras_seg.losses.segmentation_tversky import SegmentationTversky
from keras_seg.losses.weighted_sum_loss import WeightedSumLoss

NAMES = {
    "crossentropy": SegmentationCrossentropy,
    "ohem": OHEMCrossentropy,
    "focal": SegmentationFocalCrossentropy,
    "dice": SegmentationDice,
    "lovasz": LovaszSoftmax,
    "tversky": SegmentationTversky,
}


def from_name(name: str, **options: Any) -> keras.losses.Loss:
    """Creates a loss of labels and logits by its name, or the sum of several losses.

    Args:
        name: str. "crossentropy" for `SegmentationCrossentropy`, "ohem" for
            `OHEMCrossentropy`, "focal" for `SegmentationFocalCrossentropy`, "dice" for
            `SegmentationDice`, "lovasz" for `LovaszSoftmax`, "tversky" for
            `SegmentationTversky`; or several joined by "+", such as
            "crossentropy+dice", for their `WeightedSumLoss` with weights of 1.
        **options: Options of the losses, such as `ignore_class`, `class_weights` and
            `label_smoothing`. Each loss gets the options that it accepts. An option of
            None keeps the loss's default.

    Returns:
        `keras.losses.Loss` for integer labels `(batch, height, width)` and logits
        `(batch, height, width, classes)`.

    Raises:
        ValueError: If a name is unknown, or if none of the losses accepts an option.

    Example:
        `from_name("crossentropy+dice", label_smoothing=0.1)`
    """
    parts = name.split("+")
    unknown = [part for part in parts if part not in NAMES]
    if unknown:
        raise ValueError(
            f"`name` must be one or more of {', '.join(NAMES)}, joined by +. "
            f"Received: {name!r}"
        )
    given = {key: value for key, value in options.items() if value is not None}
    known = [
        {*inspect.signature(NAMES[part]).parameters, "dtype", "reduction"} - {"kwargs"}
        for part in parts
    ]
    without = [key for key in given if not any(key in names for names in known)]
    if without:
        raise ValueError(
            f"The loss {name!r} has no option {without[0]!r}. Received: "
            f"{without[0]}={given[without[0]]!r}"
        )
    losses = [
        NAMES[part](**{key: given[key] for key in given if key in names})
        for part, names in zip(parts, known, strict=True)
    ]
    return losses[0] if len(losses) == 1 else WeightedSumLoss(losses)
