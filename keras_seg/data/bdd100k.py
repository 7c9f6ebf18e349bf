from keras_seg.data.published_dataset import (
    PublishedDataset,
    list_files,
    require_folders,
    require_split,
)
from keras_seg.data.street_classes import COLORS, NAMES
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike

_SPLITS = {"train": 7000, "val": 1000, "test": 2000}
_SOURCE = (
    "Get bdd100k_images_10k.zip (10K Images) and bdd100k_sem_seg_labels_trainval.zip "
    "(Segmentation) from https://bdd-data.berkeley.edu, which asks for a login and for "
    "consent to its license."
)


class BDD100K(PublishedDataset):
    """BDD100K's semantic segmentation: American streets, 1280x720, in 19 classes.

    The 10k images of this task have the classes and colors of Cityscapes. The files
    hold train ids, and 255 for ignored pixels. Expected layout; only the folders of the
    split need to exist:

        data_dir/                  bdd100k
          images/10k/{train,val,test}/0a0a0b1a-7c39d841.jpg
          labels/sem_seg/masks/{train,val}/0a0a0b1a-7c39d841.png

    The splits have 7000 training, 1000 validation and 2000 test images. The labels of
    the test split are not public: here they consist of 255 alone and are ignored.

    Args:
        data_dir: str or path. The folder that holds `images`.
        split: `"train"`, `"val"` or `"test"`.
        complete: bool. Whether to require all images of the split. With False, a part
            of the split is enough, in which each image must still have its label.

    Raises:
        ValueError: If `split` is unknown or files are missing; see also
            `PublishedDataset`.
        FileNotFoundError: If a folder is missing.

    Example:
        `image, label = BDD100K("bdd100k", "val")[0]`

    References:
        [Yu et al., 2020](https://arxiv.org/abs/1805.04687)
    """

    def __init__(
        self, data_dir: PathLike, split: str = "train", complete: bool = True
    ) -> None:
        require_split(split, _SPLITS)
        folders = [f"images/10k/{split}"]
        if split != "test":
            folders.append(f"labels/sem_seg/masks/{split}")
        require_folders(data_dir, folders, _SOURCE)
        labels = None
        if split != "test":
            labels = list_files(as_path(data_dir) / folders[1], "*.png")
        super().__init__(
            f"The {split} split of BDD100K",
            list_files(as_path(data_dir) / folders[0], "*.jpg"),
            labels,
            _SOURCE,
            NAMES,
            COLORS,
            label_map=None,
            count=_SPLITS[split] if complete else None,
        )
