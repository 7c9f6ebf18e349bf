"""Images and labels: data sets, augmentation and tf.data pipelines."""

from keras_seg.data.augmentation import Augmentation
from keras_seg.data.camvid import CamVid
from keras_seg.data.class_heights import class_heights
from keras_seg.data.class_table import CLASS_TABLES, class_table
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.image_folder import ImageFolder
from keras_seg.data.low_resolution import low_resolution
from keras_seg.data.open_splits import open_splits
from keras_seg.data.palette import default_palette
from keras_seg.data.pipeline import evaluation_pipeline, training_pipeline
from keras_seg.data.street_scenes import StreetScenes

__all__ = [
    "CLASS_TABLES",
    "Augmentation",
    "CamVid",
    "ImageFolder",
    "SegmentationDataset",
    "StreetScenes",
    "class_heights",
    "class_table",
    "default_palette",
    "evaluation_pipeline",
    "low_resolution",
    "open_splits",
    "training_pipeline",
]
