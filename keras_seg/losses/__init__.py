"""Losses, one for each kind of output that the networks have."""

from keras_seg.losses.affinity_loss import AffinityLoss
from keras_seg.losses.output_loss import OutputLoss
from keras_seg.losses.segmentation_crossentropy import SegmentationCrossentropy

__all__ = ["AffinityLoss", "OutputLoss", "SegmentationCrossentropy"]
