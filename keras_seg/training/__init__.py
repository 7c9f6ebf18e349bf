"""Optimizers, callbacks and distribution strategies to train with `model.fit`."""

from keras_seg.training.adamw import AdamW
from keras_seg.training.averaged_weights import AveragedWeights
from keras_seg.training.backup import Backup
from keras_seg.training.best_model import BestModel
from keras_seg.training.callbacks import callbacks
from keras_seg.training.class_iou_log import ClassIoULog
from keras_seg.training.distribute_batches import distribute_batches
from keras_seg.training.distribution_strategy import distribution_strategy
from keras_seg.training.epochs_done import epochs_done
from keras_seg.training.freeze_batch_norm import freeze_batch_norm
from keras_seg.training.is_chief import is_chief
from keras_seg.training.learning_rate import learning_rate
from keras_seg.training.load_weights import load_weights
from keras_seg.training.mirrored_strategy import mirrored_strategy
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.training.named_targets import named_targets
from keras_seg.training.rematerialize import rematerialize
from keras_seg.training.sgd import SGD
from keras_seg.training.synchronize_batch_norm import synchronize_batch_norm
from keras_seg.training.time_estimate import TimeEstimate
from keras_seg.training.warm_up import WarmUp
from keras_seg.training.worker import worker

__all__ = [
    "SGD",
    "AdamW",
    "AveragedWeights",
    "Backup",
    "BestModel",
    "ClassIoULog",
    "MultiWorkerStrategy",
    "TimeEstimate",
    "WarmUp",
    "callbacks",
    "distribute_batches",
    "distribution_strategy",
    "epochs_done",
    "freeze_batch_norm",
    "is_chief",
    "learning_rate",
    "load_weights",
    "mirrored_strategy",
    "named_targets",
    "rematerialize",
    "synchronize_batch_norm",
    "worker",
]
