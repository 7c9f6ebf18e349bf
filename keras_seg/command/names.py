"""Names for help texts and choices, available without importing the package."""

# The names that keras_seg.data.open_split takes.
DATA_SETS = (
    "scenes",
    "camvid",
    "cityscapes",
    "ade20k",
    "voc",
    "voc_aug",
    "pascal_context",
    "bdd100k",
    "folder",
    "packed",
)
# The names that keras_seg.data.class_table takes.
CLASS_TABLES = (
    "ade20k",
    "bdd100k",
    "camvid",
    "cityscapes",
    "pascal_context",
    "scenes",
    "voc",
)
# The networks of keras_seg.checkpoints.released_model.
RELEASES = (
    "spnet_resnet50",
    "spnet_resnet101",
    "hanet_resnet50_os8",
    "hanet_resnet50_os16",
    "hanet_resnet101_os8",
    "hanet_resnet101_os16",
    "hanet_mobilenet_v2_os16",
    "cpnet_resnet50",
    "cpnet_head",
)
