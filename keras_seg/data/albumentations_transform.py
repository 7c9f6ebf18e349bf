import copy
import threading
from collections.abc import Callable

import numpy as np

from keras_seg.data.numpy_augmentation import NumpyAugmentation
from keras_seg.ops.positions import PADDING


class AlbumentationsTransform(NumpyAugmentation):
    """Wraps an albumentations transform as an augmentation for `training_pipeline`.

    The transform runs in the parallel part of the pipeline, with one copy for each
    thread. The random numbers of a sample depend only on the seed of the pipeline, not
    on that of the transform, so that runs are reproducible and can be resumed.

    The transform receives uint8 images in 0..255 if the data set has them, or else
    float32 images divided by 255, because albumentations expects these in 0..1; the
    result is multiplied by 255. It must not normalize images, since evaluation does
    not. Labels are passed as a mask. The last step of the transform must crop or pad to
    a fixed size. Padding must use the label that the data set ignores
    (`fill_mask=255`); with positions, it must be 128 or more.

    Args:
        transform: `albumentations.Compose` of albumentations 2.0 or newer.

    Call arguments:
        image, label, seed, positions: See `Augmentation`. The position of a row of the
            result is that of the middle of its pixels that are not ignored.

    Returns:
        See `NumpyAugmentation`.

    Raises:
        TypeError: If `transform` is not a `Compose` that can be seeded.
        ValueError: While iterating, as `tf.errors.InvalidArgumentError`, if the
            transform returns floats for uint8 images; see also `NumpyAugmentation`.

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
    """

    def __init__(self, transform: Callable) -> None:
        if not hasattr(transform, "set_random_seed"):
            raise TypeError(
                "`transform` must be an albumentations.Compose of albumentations 2.0 "
                f"or newer (keras-seg[albumentations]). Received: {transform!r}"
            )
        super().__init__(self._transformed)
        self.transform = transform
        self._largest_fill = max(_fills(transform), default=0)
        self._of_thread = threading.local()

    def _transformed(self, image, label, rng, positions=None):
        if not hasattr(self._of_thread, "transform"):
            self._of_thread.transform = copy.deepcopy(self.transform)
        transform = self._of_thread.transform
        transform.set_random_seed(int(rng.integers(2**31)))
        small = max(label.max(), self._largest_fill) < 256
        label = label.astype("uint8" if small else "int32")
        masks = [label]
        if positions is not None:
            # Masks must have one shape, so each independent class becomes one.
            masks = [*np.moveaxis(np.atleast_3d(label), -1, 0)]
            rows = np.repeat(positions[:, None], label.shape[1], axis=1)
            masks.append(rows.astype("uint8"))
        is_float = image.dtype == np.float32
        results = transform(image=image / 255 if is_float else image, masks=masks)
        moved = np.asarray(results["image"])
        if not is_float and moved.dtype != np.uint8:
            raise ValueError(
                "`transform` must return uint8 images for uint8 images, in 0..255. "
                f"Received: {moved.dtype}. Leave out A.Normalize and A.ToFloat."
            )
        moved = moved * 255 if is_float else moved
        if positions is None:
            return moved, results["masks"][0]
        *planes, rows = results["masks"]
        label = planes[0] if label.ndim == 2 else np.stack(planes, axis=-1)
        return moved, label, _middles(rows)


def _fills(transform):
    """Yields the `fill_mask` of a transform and of those inside."""
    fill = getattr(transform, "fill_mask", None)
    if fill is not None:
        yield from np.ravel(fill).tolist()
    for inner in getattr(transform, "transforms", ()):
        yield from _fills(inner)


def _middles(rows):
    """Returns the position in the middle of each row, or 128 where a row is padding."""
    positions = np.full(len(rows), PADDING)
    for index, row in enumerate(rows):
        shown = row[row < PADDING]
        if len(shown):
            positions[index] = shown[len(shown) // 2]
    return positions
