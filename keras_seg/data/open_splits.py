import warnings
from collections.abc import Sequence
from typing import Any

from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.open_split import open_split
from keras_seg.data.shared_images import shared_images
from keras_seg.typing import PathLike


def open_splits(
    name: str,
    folder: PathLike | None = None,
    scenes: int = 320,
    image_size: Sequence[int] = (96, 128),
    seed: int = 0,
    **options: Any,
) -> tuple[SegmentationDataset, ...]:
    """Opens the training and validation images of a data set by name.

    Args:
        name: str, the name of the data set; see `open_split`.
        folder: path of the data.
        scenes: int. The number of training scenes.
        image_size: `(height, width)` of the scenes.
        seed: int. The seed of the scenes.
        **options: Further arguments of `ImageFolder` for "folder"; see `open_split`.

    Returns:
        Pair of `SegmentationDataset`, for training and validation.

    Raises:
        ValueError: See `open_split`.
        FileNotFoundError: If files or folders are missing.

    Warns:
        UserWarning: If images of a folder of your own are in both splits.

    Example:
        `train, val = open_splits("camvid", "CamVid")`
    """
    train, val = (
        open_split(name, split, folder, scenes, image_size, seed, **options)
        for split in ("train", "val")
    )
    shared = shared_images(train, val) if name == "folder" else []
    if shared:
        warnings.warn(
            f"{len(shared)} of the {len(val)} validation images are training images "
            f"too, such as {shared[0][0]}, which is {shared[0][1]}: the scores will "
            "say nothing about new images.",
            stacklevel=2,
        )
    return train, val
