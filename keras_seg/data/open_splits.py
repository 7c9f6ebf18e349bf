from collections.abc import Sequence
from typing import Any

from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.open_split import open_split
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

    Example:
        `train, val = open_splits("camvid", "CamVid")`
    """
    return tuple(
        open_split(name, split, folder, scenes, image_size, seed, **options)
        for split in ("train", "val")
    )
