from keras_seg.data.published_dataset import (
    PublishedDataset,
    list_files,
    require_folders,
    require_split,
)
from keras_seg.data.storage import as_path
from keras_seg.data.street_classes import COLORS, NAMES

_SPLITS = {"train": 7000, "val": 1000, "test": 2000}
_SOURCE = (
    "Get bdd100k_images_10k.zip (10K Images) and bdd100k_sem_seg_labels_trainval.zip "
    "(Segmentation) from https://bdd-data.berkeley.edu, which asks for a login and for "
    "consent to its licence."
)


class BDD100K(PublishedDataset):
    """BDD100K's semantic segmentation: American streets, 1280x720, in 19 classes.

    Its 10k images have the classes and the colours of Cityscapes; the files hold the
    train ids, and 255 for what belongs to none. Expected layout, of which only the
    folders of the split need to exist:

        data_dir/                  bdd100k
          images/10k/{train,val,test}/0a0a0b1a-7c39d841.jpg
          labels/sem_seg/masks/{train,val}/0a0a0b1a-7c39d841.png

    7000 images to train on, 1000 to validate on, 2000 to test on. The labels of the
    test split are the benchmark's: here they are 255 alone, so that nothing of them
    counts.

    Args:
        data_dir: str or path. The folder above `images`.
        split: `"train"`, `"val"` or `"test"`.
        complete: bool. Whether all images of the split must be there. False takes any
            part of it, in which each image still must have its label.

    Raises:
        ValueError: If `split` is unknown or files are missing, or as
            `PublishedDataset`.
        FileNotFoundError: If a folder is missing.

    Example: `image, label = BDD100K("bdd100k", "val")[0]`

    Reference: [Yu et al., 2020](https://arxiv.org/abs/1805.04687).
    """

    def __init__(self, data_dir, split="train", complete=True):
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
