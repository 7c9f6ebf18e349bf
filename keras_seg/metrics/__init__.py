"""Metrics that take logits and leave the ignore class out."""

from keras_seg.metrics.mean_iou import MeanIoU

__all__ = ["MeanIoU"]
