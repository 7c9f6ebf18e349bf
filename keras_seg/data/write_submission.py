from collections.abc import Iterable

import numpy as np
from PIL import Image

from keras_seg.data._pictures import open_picture
from keras_seg.data.published_dataset import PublishedDataset
from keras_seg.local_path import local_path
from keras_seg.storage.replacing import replacing
from keras_seg.typing import PathLike


def write_submission(
    dataset: PublishedDataset, class_maps: Iterable[np.ndarray], folder: PathLike
) -> list:
    """Writes class maps as the PNGs that a benchmark server accepts.

    The PNGs have one channel, and the names and values that the server expects: label
    ids for Cityscapes, 1 to 150 for ADE20K, and the classes themselves for others.

    Args:
        dataset: `Cityscapes`, `ADE20K`, `PascalVOC`, `BDD100K` or another
            `PublishedDataset`.
        class_maps: iterable of integer arrays `(height, width)`, the full-size class
            map of each image in the order of the data set. Only one is kept in memory
            at a time.
        folder: str or path of the output folder, created if it does not exist.

    Returns:
        list of the paths that were written.

    Raises:
        ValueError: If a class map differs in size from its image or holds a value that
            is not a class, or if there are fewer or more class maps than images.

    Example:
        ```python
        test = Cityscapes("cityscapes", "test")
        maps = (model.predict(image[None])[0].argmax(axis=-1) for image, _ in test)
        write_submission(test, maps, "submission")
        ```
    """
    target = local_path(folder)
    target.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, classes in enumerate(class_maps):
        if index == len(dataset):
            raise ValueError(
                f"`class_maps` must hold one for each of the {len(dataset)} images. "
                "Received: more."
            )
        classes = np.asarray(classes)
        _check(classes, dataset, index)
        path = target / dataset.submission_name(index)
        with replacing(path) as unfinished:
            Image.fromarray(dataset.submission_values[classes]).save(unfinished)
        paths.append(path)
    if len(paths) < len(dataset):
        raise ValueError(
            f"`class_maps` must hold one for each of the {len(dataset)} images. "
            f"Received: {len(paths)}"
        )
    return paths


def _check(classes, dataset, index):
    path = dataset.image_paths[index]
    with open_picture(path) as image:
        shape = image.size
    if classes.shape != shape or classes.dtype.kind not in "iu":
        raise ValueError(
            f"The class map of {path} must hold integers and have its size, {shape}. "
            f"Received: {classes.shape} of {classes.dtype}"
        )
    if classes.min() < 0 or classes.max() >= dataset.num_classes:
        raise ValueError(
            f"The class map of {path} must hold classes 0..{dataset.num_classes - 1}. "
            f"Received values in {classes.min()}..{classes.max()}"
        )
