"""Networks of the papers as functional Keras models."""

from keras_seg.models.affinity_model import affinity_model
from keras_seg.models.attention_model import attention_model
from keras_seg.models.backbone import extract_levels
from keras_seg.models.cpnet import CPNet
from keras_seg.models.decoder_options import DecoderOptions
from keras_seg.models.deeplab_v3_plus import DeepLabV3Plus
from keras_seg.models.dsrl import DSRL
from keras_seg.models.dual_super_resolution import dual_super_resolution
from keras_seg.models.from_preset import from_preset
from keras_seg.models.gate_model import gate_model
from keras_seg.models.hanet import HANet
from keras_seg.models.inference_model import inference_model
from keras_seg.models.network_info import network_info
from keras_seg.models.pool_sizes import pool_sizes
from keras_seg.models.presets import Preset, presets
from keras_seg.models.prior_model import prior_model
from keras_seg.models.prior_size import prior_size
from keras_seg.models.replace_classifier import replace_classifier
from keras_seg.models.select_outputs import select_outputs
from keras_seg.models.spnet import SPNet
from keras_seg.models.strip_pooling_places import strip_pooling_places

__all__ = [
    "CPNet",
    "DSRL",
    "DecoderOptions",
    "DeepLabV3Plus",
    "HANet",
    "Preset",
    "SPNet",
    "affinity_model",
    "attention_model",
    "dual_super_resolution",
    "extract_levels",
    "from_preset",
    "gate_model",
    "inference_model",
    "network_info",
    "pool_sizes",
    "presets",
    "prior_model",
    "prior_size",
    "replace_classifier",
    "select_outputs",
    "strip_pooling_places",
]
