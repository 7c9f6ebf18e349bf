"""Pictures of labels and predictions, with NumPy and Pillow alone."""

from keras_seg.visualization.colorize import colorize
from keras_seg.visualization.comparison import comparison
from keras_seg.visualization.overlay import overlay

__all__ = ["colorize", "comparison", "overlay"]
