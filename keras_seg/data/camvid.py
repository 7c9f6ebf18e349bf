import numpy as np

from keras_seg.data.image_folder import ImageFolder
from keras_seg.storage.paths import as_path
from keras_seg.typing import PathLike

_SPLITS = ("train", "val", "test")
COLORS = {
    "sky": (128, 128, 128),
    "building": (128, 0, 0),
    "pole": (192, 192, 128),
    "road": (128, 64, 128),
    "pavement": (60, 40, 222),
    "tree": (128, 128, 0),
    "sign symbol": (192, 128, 128),
    "fence": (64, 64, 128),
    "car": (64, 0, 128),
    "pedestrian": (64, 64, 0),
    "bicyclist": (0, 128, 192),
}
_UNLABELED = 11


class CamVid(ImageFolder):
    """CamVid: street scenes of Cambridge, 480x360, in 11 classes.

    This is the version of the SegNet tutorial, with 367 training, 101 validation and
    233 test images. Label 11, unlabeled, becomes `ignore_class`, 255. Expected layout;
    only the folders of the split need to exist:

        data_dir/
          train/  trainannot/
          val/    valannot/
          test/   testannot/

    Args:
        data_dir: str or path. The folder that holds the splits.
        split: `"train"`, `"val"` or `"test"`.

    Raises:
        ValueError: If `split` is unknown; see also `ImageFolder`.
        FileNotFoundError: If the folders of the split are missing.

    Example:
        `image, label = CamVid("camvid", "val")[0]` returns uint8 arrays `(360, 480, 3)`
        and `(360, 480)`.

    References:
        Brostow et al., "Semantic object classes in video", 2009
    """

    def __init__(self, data_dir: PathLike, split: str = "train") -> None:
        if split not in _SPLITS:
            raise ValueError(f"`split` must be one of {_SPLITS}. Received: {split=}")
        image_dir = as_path(data_dir) / split
        label_dir = as_path(data_dir) / f"{split}annot"
        missing = [str(path) for path in (image_dir, label_dir) if not path.is_dir()]
        if missing:
            raise FileNotFoundError(
                f"`data_dir` must hold the folders {split!r} (images) and "
                f"{label_dir.name!r} (label PNGs of the same names). "
                f"Missing: {', '.join(missing)}"
            )
        classes = {value: value for value in range(len(COLORS))}
        super().__init__(
            image_dir,
            label_dir,
            class_names=tuple(COLORS),
            palette=np.array(list(COLORS.values()), "uint8"),
            label_map={**classes, _UNLABELED: 255},
        )
