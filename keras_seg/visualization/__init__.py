"""Pictures and figures of labels, predictions and what networks learn."""

from keras_seg.visualization.attention_chart import attention_chart
from keras_seg.visualization.class_entropy import class_entropy
from keras_seg.visualization.colorize import colorize
from keras_seg.visualization.colorize_masks import colorize_masks
from keras_seg.visualization.comparison import comparison
from keras_seg.visualization.confusion_chart import confusion_chart
from keras_seg.visualization.gate_chart import gate_chart
from keras_seg.visualization.height_chart import height_chart
from keras_seg.visualization.overlay import overlay
from keras_seg.visualization.prior_chart import prior_chart
from keras_seg.visualization.resolution_chart import resolution_chart
from keras_seg.visualization.sample_predictions import sample_predictions
from keras_seg.visualization.segment_video import segment_video
from keras_seg.visualization.validation_pictures import ValidationPictures

__all__ = [
    "ValidationPictures",
    "attention_chart",
    "class_entropy",
    "colorize",
    "colorize_masks",
    "comparison",
    "confusion_chart",
    "gate_chart",
    "height_chart",
    "overlay",
    "prior_chart",
    "resolution_chart",
    "sample_predictions",
    "segment_video",
]
