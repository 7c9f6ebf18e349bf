from pathlib import Path

from keras_seg.data.camvid import CamVid
from keras_seg.data.image_folder import ImageFolder
from keras_seg.data.street_scenes import StreetScenes


def open_splits(name, folder=None, scenes=320, image_size=(96, 128), seed=0):
    """The training and validation images of a data set, by its name.

    Args:
        name: "scenes", `StreetScenes`, which need no folder, with an eighth as many to
            validate on; "camvid", `CamVid`; or "folder", images of your own:

                folder/
                  train/images  train/labels
                  val/images    val/labels    label PNGs of the same names, 255: ignored
                  classes.txt                 a class name a line
        folder: path of the data.
        scenes: int. The number of scenes to train on.
        image_size: `(height, width)` of the scenes.
        seed: int. The seed of the scenes.

    Returns:
        Pair of `SegmentationDataset`, to train and to validate on.

    Raises:
        ValueError: If the name is unknown or the data set needs a folder; or as the
            data sets.
        FileNotFoundError: If the folder lacks something.

    Example: `train, val = open_splits("camvid", "CamVid")`
    """
    if name not in ("scenes", "camvid", "folder"):
        raise ValueError(
            f'`name` must be "scenes", "camvid" or "folder". Received: {name=}'
        )
    if name == "scenes":
        return (
            StreetScenes(scenes, image_size, seed=seed),
            StreetScenes(max(scenes // 8, 1), image_size, seed=seed + 1),
        )
    if folder is None:
        raise ValueError(f"`folder` must be given for {name!r}. Received: {folder=}")
    folder = Path(folder)
    if name == "camvid":
        return CamVid(folder, split="train"), CamVid(folder, split="val")
    names = (folder / "classes.txt").read_text().split("\n")
    names = [name.strip() for name in names if name.strip()]
    return tuple(
        ImageFolder(folder / split / "images", folder / split / "labels", names)
        for split in ("train", "val")
    )
