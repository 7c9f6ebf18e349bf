"""Metrics of logits for training, and measures of class maps for evaluation."""

from keras_seg.metrics import measures
from keras_seg.metrics.boundary_f1 import BoundaryF1
from keras_seg.metrics.confusion_matrix import confusion_matrix
from keras_seg.metrics.mean_iou import MeanIoU

__all__ = ["BoundaryF1", "MeanIoU", "confusion_matrix", "measures"]
