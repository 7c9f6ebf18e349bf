"""Losses for the outputs of segmentation networks."""

from keras_seg.losses.affinity_loss import AffinityLoss
from keras_seg.losses.from_name import from_name
from keras_seg.losses.lovasz_softmax import LovaszSoftmax
from keras_seg.losses.ohem_crossentropy import OHEMCrossentropy
from keras_seg.losses.output_loss import OutputLoss
from keras_seg.losses.segmentation_crossentropy import SegmentationCrossentropy
from keras_seg.losses.segmentation_dice import SegmentationDice
from keras_seg.losses.segmentation_focal_crossentropy import (
    SegmentationFocalCrossentropy,
)
from keras_seg.losses.segmentation_tversky import SegmentationTversky
from keras_seg.losses.weighted_sum_loss import WeightedSumLoss

__all__ = [
    "AffinityLoss",
    "LovaszSoftmax",
    "OHEMCrossentropy",
    "OutputLoss",
    "SegmentationCrossentropy",
    "SegmentationDice",
    "SegmentationFocalCrossentropy",
    "SegmentationTversky",
    "WeightedSumLoss",
    "from_name",
]
