from keras_seg.data.ade20k_classes import ADE20K_COLORS
from keras_seg.data.published_dataset import (
    PublishedDataset,
    list_files,
    require_folders,
    require_split,
)
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike

# The folder of each split, the prefix of its file names, and its number of images.
_SPLITS = {
    "train": ("training", "ADE_train", 20210),
    "val": ("validation", "ADE_val", 2000),
    "test": ("testing", "ADE_test", 3352),
}


class ADE20K(PublishedDataset):
    """ADE20K as in the scene parsing challenge of 2016: scenes in 150 classes.

    Label 0 of the files, other objects, becomes 255, and the labels 1 to 150 become the
    classes 0 to 149. The name of a class is the first of those in the official list;
    road and skyscraper have the same color there. Expected layout; only the folders of
    the split need to exist:

        data_dir/                  ADEChallengeData2016
          images/{training,validation,testing}/ADE_train_00000001.jpg
          annotations/{training,validation}/ADE_train_00000001.png

    The splits have 20210 training, 2000 validation and 3352 test images; the test
    images are in a separate archive. The labels of the test split are not public: here
    they consist of 255 alone and are ignored.

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
        `image, label = ADE20K("ADEChallengeData2016", "val")[0]`

    References:
        - [Zhou et al., 2017](https://arxiv.org/abs/1608.05442)
        - [Scene parsing challenge](https://github.com/CSAILVision/sceneparsing)
    """

    def __init__(
        self, data_dir: PathLike, split: str = "train", complete: bool = True
    ) -> None:
        require_split(split, _SPLITS)
        name, start, count = _SPLITS[split]
        source = (
            "Get ADEChallengeData2016.zip, and for the test split release_test.zip, "
            "whose folder `testing` belongs into `images`, from "
            "http://sceneparsing.csail.mit.edu (no login; for research and education)."
        )
        folders = [f"images/{name}"]
        if split != "test":
            folders.append(f"annotations/{name}")
        require_folders(data_dir, folders, source)
        names, labels = None, None
        if split != "test":
            labels = list_files(as_path(data_dir) / folders[1], "*.png")
            if complete:  # numbered without gaps, so missing names are known
                names = [f"{start}_{number:08d}" for number in range(1, count + 1)]
        classes = range(len(ADE20K_COLORS))
        super().__init__(
            f"The {split} split of ADE20K",
            list_files(as_path(data_dir) / folders[0], "*.jpg"),
            labels,
            source,
            tuple(ADE20K_COLORS),
            list(ADE20K_COLORS.values()),
            {0: 255, **{index + 1: index for index in classes}},
            names=names,
            count=count if complete else None,
            submission_values=[index + 1 for index in classes],
        )
