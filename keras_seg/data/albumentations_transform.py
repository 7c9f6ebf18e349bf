import copy
import threading

import numpy as np

from keras_seg.data.numpy_augmentation import NumpyAugmentation
from keras_seg.ops.positions import PADDING


class AlbumentationsTransform(NumpyAugmentation):
    """Runs a transform of albumentations as an augmentation of `training_pipeline`.

    It runs in the parallel part of the pipeline, with a copy of the transform for each
    thread. The random numbers of a sample follow from the pipeline's seed alone,
    whatever seed the transform was made with, so that runs are reproducible and can
    be resumed.

    The transform gets uint8 images where the data set has them, and labels as a mask.
    Its last step must crop or pad to one size, and padding must get the label that the
    data set ignores (`fill_mask=255`); with positions, a value of 128 or more.

    Args:
        transform: `albumentations.Compose` of albumentations 2.0 or newer.

    Call arguments:
        image, label, seed, positions: As of `Augmentation`. The position of a row of
            the result is that of the middle of its pixels that are not ignored.

    Returns:
        As `NumpyAugmentation`.

    Example:

    ```python
    import albumentations as A

    transform = A.Compose(
        [
            A.PadIfNeeded(256, 256, fill_mask=255),
            A.RandomCrop(256, 256),
            A.GridDistortion(fill_mask=255),
            A.RandomBrightnessContrast(),
        ]
    )
    training_pipeline(dataset, 8, AlbumentationsTransform(transform))
    ```

    Raises:
        TypeError: If `transform` is not a `Compose` that can be seeded.
    """

    def __init__(self, transform):
        if not hasattr(transform, "set_random_seed"):
            raise TypeError(
                "`transform` must be an albumentations.Compose of albumentations 2.0 "
                f"or newer (keras-seg[albumentations]). Received: {transform!r}"
            )
        super().__init__(self._transformed)
        self.transform = transform
        self._of_thread = threading.local()

    def _transformed(self, image, label, rng, positions=None):
        if not hasattr(self._of_thread, "transform"):
            self._of_thread.transform = copy.deepcopy(self.transform)
        transform = self._of_thread.transform
        transform.set_random_seed(int(rng.integers(2**31)))
        masks = [label.astype("uint8" if label.max() < 256 else "int32")]
        if positions is not None:
            rows = np.repeat(positions[:, None], label.shape[1], axis=1)
            masks.append(rows.astype("uint8"))
        results = transform(image=image, masks=masks)
        image, (label, *rows) = results["image"], results["masks"]
        if positions is None:
            return image, label
        return image, label, _middles(rows[0])


def _middles(rows):
    """The position in the middle of what each row shows, 128 where it is padding."""
    positions = np.full(len(rows), PADDING)
    for index, row in enumerate(rows):
        shown = row[row < PADDING]
        if len(shown):
            positions[index] = shown[len(shown) // 2]
    return positions
