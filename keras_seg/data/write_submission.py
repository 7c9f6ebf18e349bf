from pathlib import Path

import numpy as np
from PIL import Image

from keras_seg.data._pictures import open_picture


def write_submission(dataset, class_maps, folder):
    """Writes predicted classes as the PNGs that a benchmark's server takes.

    They have one channel, the names that the server looks for, and its values:
    Cityscapes' label ids, ADE20K's 1 to 150, and the classes themselves elsewhere.

    Args:
        dataset: `Cityscapes`, `ADE20K`, `PascalVOC`, `BDD100K` or another
            `PublishedDataset`.
        class_maps: iterable of integer arrays `(height, width)`, the classes of each
            image in the data set's order and in its full size. One is kept at a time.
        folder: str or path. Where to write; made where it is missing.

    Returns:
        List of the paths that were written.

    Raises:
        ValueError: If a map has another size than its image or holds what is no class,
            or if there are fewer or more maps than images.

    Example:
        ```python
        test = Cityscapes("cityscapes", "test")
        maps = (model.predict(image[None])[0].argmax(axis=-1) for image, _ in test)
        write_submission(test, maps, "submission")
        ```
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, classes in enumerate(class_maps):
        if index == len(dataset):
            raise ValueError(
                f"`class_maps` must be one for each of the {len(dataset)} images. "
                "Received more."
            )
        classes = np.asarray(classes)
        _check(classes, dataset, index)
        path = folder / dataset.submission_name(index)
        Image.fromarray(dataset.submission_values[classes]).save(path)
        paths.append(path)
    if len(paths) < len(dataset):
        raise ValueError(
            f"`class_maps` must be one for each of the {len(dataset)} images. "
            f"Received {len(paths)}"
        )
    return paths


def _check(classes, dataset, index):
    path = dataset.image_paths[index]
    with open_picture(path) as image:
        shape = image.size
    if classes.shape != shape or classes.dtype.kind not in "iu":
        raise ValueError(
            f"The class map of {path} must be of integers and of its size, {shape}. "
            f"Received: {classes.shape} of {classes.dtype}"
        )
    if classes.min() < 0 or classes.max() >= dataset.num_classes:
        raise ValueError(
            f"The class map of {path} must hold classes 0..{dataset.num_classes - 1}. "
            f"Received values in {classes.min()}..{classes.max()}"
        )
