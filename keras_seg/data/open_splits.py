from keras_seg.data.open_split import open_split


def open_splits(name, folder=None, scenes=320, image_size=(96, 128), seed=0, **options):
    """The training and validation images of a data set, by its name.

    Args:
        name: of the data set: see `open_split`.
        folder: path of the data.
        scenes: int. The number of scenes to train on.
        image_size: `(height, width)` of the scenes.
        seed: int. The seed of the scenes.
        **options: further arguments of `ImageFolder`, for "folder"; see `open_split`.

    Returns:
        Pair of `SegmentationDataset`, to train and to validate on.

    Raises:
        ValueError: As `open_split`.
        FileNotFoundError: If the folder lacks something.

    Example: `train, val = open_splits("camvid", "CamVid")`
    """
    return tuple(
        open_split(name, split, folder, scenes, image_size, seed, **options)
        for split in ("train", "val")
    )
