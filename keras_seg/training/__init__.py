"""What `model.fit` needs around it to train segmentation."""

from keras_seg.training.adamw import AdamW
from keras_seg.training.callbacks import callbacks
from keras_seg.training.freeze_batch_norm import freeze_batch_norm
from keras_seg.training.named_targets import named_targets
from keras_seg.training.sgd import sgd
from keras_seg.training.strategy import mirrored_strategy
from keras_seg.training.synchronize_batch_norm import synchronize_batch_norm

__all__ = [
    "AdamW",
    "callbacks",
    "freeze_batch_norm",
    "mirrored_strategy",
    "named_targets",
    "sgd",
    "synchronize_batch_norm",
]
