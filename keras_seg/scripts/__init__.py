"""What the training scripts share that is not about a network."""

from keras_seg.scripts.arguments import arguments
from keras_seg.scripts.backbone import backbone
from keras_seg.scripts.data_sets import data_sets
from keras_seg.scripts.fit import fit
from keras_seg.scripts.optimizer import optimizer
from keras_seg.scripts.pipelines import pipelines
from keras_seg.scripts.report import report
from keras_seg.scripts.segmentation_loss import segmentation_loss
from keras_seg.scripts.start import start

__all__ = [
    "arguments",
    "backbone",
    "data_sets",
    "fit",
    "optimizer",
    "pipelines",
    "report",
    "segmentation_loss",
    "start",
]
