"""The papers' networks as functional Keras models."""

from keras_seg.models.attention_model import attention_model
from keras_seg.models.cpnet import CPNet
from keras_seg.models.deeplab_v3_plus import DeepLabV3Plus
from keras_seg.models.hanet import HANet
from keras_seg.models.inference_model import inference_model
from keras_seg.models.prior_model import prior_model
from keras_seg.models.prior_size import prior_size
from keras_seg.models.replace_classifier import replace_classifier
from keras_seg.models.spnet import SPNet

__all__ = [
    "CPNet",
    "DeepLabV3Plus",
    "HANet",
    "SPNet",
    "attention_model",
    "inference_model",
    "prior_model",
    "prior_size",
    "replace_classifier",
]
