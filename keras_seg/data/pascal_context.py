from keras_seg.data.published_dataset import (
    PublishedDataset,
    list_files,
    read_names,
    require_folders,
    require_split,
)
from keras_seg.data.voc_colors import voc_colors
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike

NAMES = (
    "aeroplane, bag, bed, bedclothes, bench, bicycle, bird, boat, book, bottle, "
    "building, bus, cabinet, car, cat, ceiling, chair, cloth, computer, cow, cup, "
    "curtain, dog, door, fence, floor, flower, food, grass, ground, horse, keyboard, "
    "light, motorbike, mountain, mouse, person, plate, platform, pottedplant, road, "
    "rock, sheep, shelves, sidewalk, sign, sky, snow, sofa, table, track, train, tree, "
    "truck, tvmonitor, wall, water, window, wood"
).split(", ")
_SPLITS = {"train": 4998, "val": 5105}
_SOURCE = (
    "Get VOCtrainval_03-May-2010.tar from "
    "http://host.robots.ox.ac.uk/pascal/VOC/voc2010 (no login) and "
    "trainval_merged.json of https://github.com/zhanghang1989/detail-api, and make "
    "SegmentationClassContext and its lists of them with mmsegmentation's "
    "tools/dataset_converters/pascal_context.py."
)


class PascalContext(PublishedDataset):
    """PASCAL Context: the images of VOC 2010, densely labeled, in 59 classes.

    The classes are the 59 most frequent of 459 labels. All others are 0 in the files,
    the background, which becomes 255 or, with `background`, the first of 60 classes.
    Expected layout, as common converters write it, in the folder of VOC 2010:

        data_dir/                  VOCdevkit/VOC2010
          JPEGImages/2008_000002.jpg
          SegmentationClassContext/2008_000002.png     values 0..59
          ImageSets/SegmentationContext/train.txt      and val.txt, one name per line

    The splits have 4998 training and 5105 validation images. The data set defines no
    colors; the palette is that of VOC.

    Args:
        data_dir: str or path. The folder that holds `JPEGImages`.
        split: `"train"` or `"val"`.
        background: bool. Whether the background is a class, number 0.
        complete: bool. Whether to require the full list of names. Each listed image and
            its label must exist in any case.

    Raises:
        ValueError: If `split` is unknown or files are missing; see also
            `PublishedDataset`.
        FileNotFoundError: If a folder or the list is missing.

    Example:
        `image, label = PascalContext("VOCdevkit/VOC2010", "val")[0]`

    References:
        [Mottaghi et al., 2014](https://doi.org/10.1109/CVPR.2014.119)
    """

    def __init__(
        self,
        data_dir: PathLike,
        split: str = "train",
        background: bool = False,
        complete: bool = True,
    ) -> None:
        require_split(split, _SPLITS)
        label_folder, list_folder = (
            "SegmentationClassContext",
            "ImageSets/SegmentationContext",
        )
        require_folders(data_dir, ["JPEGImages", label_folder, list_folder], _SOURCE)
        data_dir = as_path(data_dir)
        first = 0 if background else 1  # the first value that is a class
        values = range(first, len(NAMES) + 1)
        label_map = {value: value - first for value in values}
        super().__init__(
            f"The {split} split of PASCAL Context",
            list_files(data_dir / "JPEGImages", "*.jpg"),
            list_files(data_dir / label_folder, "*.png"),
            _SOURCE,
            ["background", *NAMES][first:],
            voc_colors(len(NAMES) + 1)[first:],
            label_map if background else {0: 255, **label_map},
            names=read_names(data_dir / list_folder / f"{split}.txt", _SOURCE),
            count=_SPLITS[split] if complete else None,
        )
