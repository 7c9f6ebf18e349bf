from collections.abc import Callable, Sequence
from typing import Any

from keras_seg.data.ade20k import ADE20K
from keras_seg.data.bdd100k import BDD100K
from keras_seg.data.camvid import CamVid
from keras_seg.data.cityscapes import Cityscapes
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.own_folder import own_folder
from keras_seg.data.packed_dataset import PackedDataset
from keras_seg.data.pascal_context import PascalContext
from keras_seg.data.pascal_voc import PascalVOC
from keras_seg.data.street_scenes import StreetScenes
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike


def _augmented_voc(folder, split):
    return PascalVOC(folder, "trainaug" if split == "train" else split)


_IN_FOLDERS: dict[str, Callable] = {
    "camvid": CamVid,
    "cityscapes": Cityscapes,
    "ade20k": ADE20K,
    "voc": PascalVOC,
    "voc_aug": _augmented_voc,
    "pascal_context": PascalContext,
    "bdd100k": BDD100K,
    "folder": own_folder,
    "packed": lambda folder, split: PackedDataset(as_path(folder) / split),
}
DATA_SETS = ("scenes", *_IN_FOLDERS)  # values of `name` and `--data`


def open_split(
    name: str,
    split: str,
    folder: PathLike | None = None,
    scenes: int = 320,
    image_size: Sequence[int] = (96, 128),
    seed: int = 0,
    **options: Any,
) -> SegmentationDataset:
    """Opens one split of a data set by name; other splits do not have to exist.

    Args:
        name: One of "scenes", `StreetScenes`, which needs no folder and has an eighth
            as many validation scenes; "camvid", `CamVid`; "cityscapes", `Cityscapes`
            with fine annotations; "ade20k", `ADE20K`; "voc", `PascalVOC`, and
            "voc_aug", its augmented training list; "pascal_context", `PascalContext`
            with 59 classes; "bdd100k", `BDD100K`; "packed", `PackedDataset` of the
            folder of the split; or "folder", your own images:

                folder/
                  train/images  train/labels
                  val/images    val/labels    same names as the images; 255 is ignored
                  classes.txt                 one class name per line, optionally with
                                              a color: `road #804080`

            "images/train" and the like are found too, as are "masks" and "annotations"
            instead of "labels", and class files as described in `class_table`. Without
            folders of images, "train.txt" and "val.txt" list them; see `ImageList`.
        split: "train", "val", or "test" if the data set has one.
        folder: str or path of the data, also on another file system such as gs://.
        scenes: int. The number of training scenes.
        image_size: `(height, width)` of the scenes.
        seed: int. The seed of the scenes.
        **options: Further arguments of `ImageFolder`, such as `label_map`, for "folder"
            only; those that are None are left out. With `independent_classes=True`,
            they are those of `MaskFolder`, which reads masks of independent classes.

    Returns:
        `SegmentationDataset`.

    Raises:
        ValueError: If the name is unknown, or if the data set needs a folder or lacks
            the split. See also the data sets.
        FileNotFoundError: If files or folders are missing.

    Example:
        `val = open_split("camvid", "val", "CamVid")`
    """
    if name not in DATA_SETS:
        raise ValueError(
            f"`name` must be one of {', '.join(DATA_SETS)}. Received: {name=}"
        )
    options = {key: value for key, value in options.items() if value is not None}
    if options and name != "folder":
        raise ValueError(
            f"`{next(iter(options))}` is for a folder of your own; the files of "
            f"{name!r} have a fixed format. Received: {options}"
        )
    if name == "scenes":
        if split not in ("train", "val"):
            raise ValueError(
                f'`split` of scenes must be "train" or "val". Received: {split=}'
            )
        if split == "train":
            return StreetScenes(scenes, image_size, seed=seed)
        return StreetScenes(max(scenes // 8, 1), image_size, seed=seed + 1)
    if folder is None:
        raise ValueError(f"`folder` must be given for {name!r}. Received: {folder=}")
    return _IN_FOLDERS[name](folder, split, **options)
