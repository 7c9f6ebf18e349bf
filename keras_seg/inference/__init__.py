"""What a trained model predicts, and how well."""

from keras_seg.inference.evaluate import evaluate
from keras_seg.inference.evaluate_label_maps import evaluate_label_maps
from keras_seg.inference.evaluation_table import evaluation_table
from keras_seg.inference.flops import flops
from keras_seg.inference.sliding_window import sliding_window
from keras_seg.inference.windows import SlidingWindow
from keras_seg.inference.write_evaluation import write_evaluation

__all__ = [
    "SlidingWindow",
    "evaluate",
    "evaluate_label_maps",
    "evaluation_table",
    "flops",
    "sliding_window",
    "write_evaluation",
]
