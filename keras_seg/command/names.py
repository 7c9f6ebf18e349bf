"""Names for help and for choices, known before the package itself is imported."""

# Of keras_seg.data.open_split.
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
# Of keras_seg.data.class_table.
CLASS_TABLES = (
    "ade20k",
    "bdd100k",
    "camvid",
    "cityscapes",
    "pascal_context",
    "scenes",
    "voc",
)
# Of keras_seg.checkpoints.released_model.
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
