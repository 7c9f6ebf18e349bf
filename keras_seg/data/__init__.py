"""Data sets, augmentation and `tf.data` pipelines of images and labels."""

from keras_seg.data.ade20k import ADE20K
from keras_seg.data.albumentations_transform import AlbumentationsTransform
from keras_seg.data.augmentation import Augmentation
from keras_seg.data.balanced_class_weights import balanced_class_weights
from keras_seg.data.bdd100k import BDD100K
from keras_seg.data.camvid import CamVid
from keras_seg.data.cityscapes import Cityscapes
from keras_seg.data.class_heights import class_heights
from keras_seg.data.class_pixels import class_pixels
from keras_seg.data.class_shares import ClassShares, class_shares
from keras_seg.data.class_table import CLASS_TABLES, class_table
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.image_folder import ImageFolder
from keras_seg.data.image_list import ImageList
from keras_seg.data.labelled_files import LabelledFiles
from keras_seg.data.labels_from_coco import labels_from_coco
from keras_seg.data.labels_from_labelme import labels_from_labelme
from keras_seg.data.low_resolution import low_resolution
from keras_seg.data.mask_folder import MaskFolder
from keras_seg.data.numpy_augmentation import NumpyAugmentation
from keras_seg.data.open_split import open_split
from keras_seg.data.open_splits import open_splits
from keras_seg.data.pack import pack
from keras_seg.data.packed_dataset import PackedDataset
from keras_seg.data.palette import default_palette
from keras_seg.data.pascal_context import PascalContext
from keras_seg.data.pascal_voc import PascalVOC
from keras_seg.data.pipeline import evaluation_pipeline, training_pipeline
from keras_seg.data.published_dataset import PublishedDataset
from keras_seg.data.py_dataset_samples import PyDatasetSamples
from keras_seg.data.read_image import read_image
from keras_seg.data.read_label import read_label
from keras_seg.data.street_scenes import StreetScenes
from keras_seg.data.tfds_dataset import TFDSDataset
from keras_seg.data.write_submission import write_submission

__all__ = [
    "ADE20K",
    "BDD100K",
    "CLASS_TABLES",
    "AlbumentationsTransform",
    "Augmentation",
    "CamVid",
    "ClassShares",
    "Cityscapes",
    "ImageFolder",
    "ImageList",
    "LabelledFiles",
    "MaskFolder",
    "NumpyAugmentation",
    "PackedDataset",
    "PascalContext",
    "PascalVOC",
    "PublishedDataset",
    "PyDatasetSamples",
    "SegmentationDataset",
    "StreetScenes",
    "balanced_class_weights",
    "TFDSDataset",
    "class_heights",
    "class_shares",
    "class_pixels",
    "class_table",
    "default_palette",
    "evaluation_pipeline",
    "labels_from_coco",
    "labels_from_labelme",
    "low_resolution",
    "open_split",
    "open_splits",
    "pack",
    "read_image",
    "read_label",
    "training_pipeline",
    "write_submission",
]
