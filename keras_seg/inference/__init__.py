"""What a trained model predicts, and how well."""

from keras_seg.inference.evaluate import evaluate
from keras_seg.inference.evaluation_table import evaluation_table
from keras_seg.inference.flops import flops
from keras_seg.inference.multi_scale import multi_scale
from keras_seg.inference.predict import predict
from keras_seg.inference.predictor import predictor
from keras_seg.inference.read_image import read_image
from keras_seg.inference.sliding_window import sliding_window
from keras_seg.inference.views import MultiScale
from keras_seg.inference.windows import SlidingWindow

__all__ = [
    "MultiScale",
    "SlidingWindow",
    "evaluate",
    "evaluation_table",
    "flops",
    "multi_scale",
    "predict",
    "predictor",
    "read_image",
    "sliding_window",
]
