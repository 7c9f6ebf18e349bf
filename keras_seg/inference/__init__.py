"""Prediction with trained models, and evaluation of predictions."""

from keras_seg.data import read_image
from keras_seg.inference.class_map import class_map
from keras_seg.inference.evaluate import evaluate
from keras_seg.inference.evaluate_label_maps import evaluate_label_maps
from keras_seg.inference.evaluate_masks import evaluate_masks
from keras_seg.inference.evaluation_table import evaluation_table
from keras_seg.inference.flops import flops
from keras_seg.inference.multi_scale import multi_scale
from keras_seg.inference.peak_memory import peak_memory
from keras_seg.inference.predict import predict
from keras_seg.inference.prediction_model import prediction_model
from keras_seg.inference.predictor import predictor
from keras_seg.inference.probabilities import probabilities
from keras_seg.inference.sliding_window import sliding_window
from keras_seg.inference.write_evaluation import write_evaluation
from keras_seg.inference.write_label_map import write_label_map

__all__ = [
    "class_map",
    "evaluate",
    "evaluate_label_maps",
    "evaluate_masks",
    "evaluation_table",
    "flops",
    "multi_scale",
    "peak_memory",
    "predict",
    "prediction_model",
    "predictor",
    "probabilities",
    "read_image",
    "sliding_window",
    "write_evaluation",
    "write_label_map",
]
