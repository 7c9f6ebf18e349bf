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
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
_SPLITS = {
    "train": 1464,
    "val": 1449,
    "trainval": 2913,
    "trainaug": 10582,
    "test": 1456,
}
_SITE = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012"
_SOURCES = {
    "trainaug": "Get the Semantic Boundaries Dataset, benchmark.tgz, from "
    "http://home.bharathh.info/pubs/codes/SBD/download.html, and make "
    "SegmentationClassAug and trainaug.txt of it with mmsegmentation's "
    "tools/dataset_converters/voc_aug.py; the images are in "
    f"VOCtrainval_11-May-2012.tar, {_SITE} (no login).",
    "test": "Get VOC2012test.tar from http://host.robots.ox.ac.uk:8080, which asks "
    "for a login.",
}
_SOURCE = f"Get VOCtrainval_11-May-2012.tar from {_SITE} (no login)."


class PascalVOC(PublishedDataset):
    """PASCAL VOC 2012: objects of 20 classes and the background.

    The labels are the indices of the palette PNGs, with 255 around the objects.
    Expected layout; only the files of the split need to exist:

        data_dir/                  VOCdevkit/VOC2012
          JPEGImages/2007_000032.jpg
          SegmentationClass/2007_000032.png
          SegmentationClassAug/2007_000032.png     for "trainaug"
          ImageSets/Segmentation/train.txt         and so on, one name per line

    The splits have 1464 training, 1449 validation and 1456 test images; "trainval" has
    the 2913 images of the first two. "trainaug" is the common list of 10582 training
    images, with the labels of the Semantic Boundaries Dataset. The labels of the test
    split are not public: here they consist of 255 alone and are ignored.

    Args:
        data_dir: str or path. The folder that holds `JPEGImages`.
        split: `"train"`, `"val"`, `"trainval"`, `"trainaug"` or `"test"`.
        complete: bool. Whether to require the full list of names. Each listed image and
            its label must exist in any case.

    Raises:
        ValueError: If `split` is unknown or files are missing; see also
            `PublishedDataset`.
        FileNotFoundError: If a folder or the list is missing.

    Example:
        `image, label = PascalVOC("VOCdevkit/VOC2012", "val")[0]`

    References:
        - [Everingham et al., 2010](https://doi.org/10.1007/s11263-009-0275-4)
        - [Hariharan et al., 2011](https://doi.org/10.1109/ICCV.2011.6126343), for
          "trainaug"
    """

    def __init__(
        self, data_dir: PathLike, split: str = "train", complete: bool = True
    ) -> None:
        require_split(split, _SPLITS)
        source = _SOURCES.get(split, _SOURCE)
        label_folder = "SegmentationClass" + ("Aug" if split == "trainaug" else "")
        folders = ["JPEGImages", "ImageSets/Segmentation"]
        if split != "test":
            folders.append(label_folder)
        require_folders(data_dir, folders, source)
        data_dir, labels = as_path(data_dir), None
        if split != "test":
            labels = list_files(data_dir / label_folder, "*.png")
        super().__init__(
            f"The {split} split of PASCAL VOC",
            list_files(data_dir / "JPEGImages", "*.jpg"),
            labels,
            source,
            NAMES,
            voc_colors(len(NAMES)),
            label_map=None,
            names=read_names(
                data_dir / "ImageSets" / "Segmentation" / f"{split}.txt", source
            ),
            count=_SPLITS[split] if complete else None,
        )
