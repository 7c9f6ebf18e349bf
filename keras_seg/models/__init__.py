"""The papers' networks as functional Keras models."""

from keras_seg.models.inference_model import inference_model
from keras_seg.models.replace_classifier import replace_classifier
from keras_seg.models.spnet import SPNet

__all__ = ["SPNet", "inference_model", "replace_classifier"]
