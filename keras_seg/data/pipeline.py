import functools
import itertools
import numbers
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_seg.data.augmentation import Augmentation
from keras_seg.data.augmented import augmented, with_static_sizes
from keras_seg.data.balanced_order import balanced_order
from keras_seg.data.checked_label import checked_label
from keras_seg.data.class_pixels import class_pixels
from keras_seg.data.dataset import SegmentationDataset
from keras_seg.data.numpy_augmentation import NumpyAugmentation
from keras_seg.data.sample_reader import SampleReader
from keras_seg.ops import row_positions
from keras_seg.positive_integer import require_positive_integer

_PREFETCHED = 2  # batches


def training_pipeline(
    dataset: SegmentationDataset,
    batch_size: int,
    augmentation: Augmentation | NumpyAugmentation | None = None,
    seed: int = 0,
    cache: bool = False,
    positions: bool = False,
    first_epoch: int = 0,
    shard: Sequence[int] = (0, 1),
    class_balance: float = 0.0,
) -> tf.data.Dataset:
    """Returns shuffled and augmented batches for training.

    Each pass over the result is an epoch with its own order and augmentations, which
    depend only on `seed` and the number of the epoch: a pipeline that is built again
    with the same seed returns the same batches. Images that do not fill a whole batch
    are left out of an epoch, different ones each time.

    Args:
        dataset: `SegmentationDataset`.
        batch_size: int. All batches have this size, since Keras fails on a smaller last
            batch under `tf.distribute.MirroredStrategy`.
        augmentation: `Augmentation`, which pads labels with `dataset.ignore_class`;
            `AlbumentationsTransform` or `NumpyAugmentation`; any other callable
            `(image, label, seed) -> (image, label)` on tensors whose results all have
            one size; or `None` for unchanged images, which must have one size. With
            `positions`, a callable receives and returns these too, as `Augmentation`
            does. If its graph has dynamic shapes, the first image is augmented to find
            the sizes.
        seed: int, 0 or more.
        cache: bool. Whether to keep all images in memory once they are read, before
            augmentation.
        positions: bool. Whether to add the positions of rows in the uncropped image,
            for a model such as `HANet(..., positions=True)`.
        first_epoch: int. The number of the first epoch. A resumed run passes the number
            of completed epochs, so that its epochs equal those of an uninterrupted run.
        shard: pair of ints, the index of this machine and the number of machines; see
            `keras_seg.training.worker`. Each machine reads only its own part of each
            batch; all parts together are the batch of a single machine.
        class_balance: float in 0..1. This share of the samples of each epoch is drawn
            by class instead of by image: first one of the classes that occur, with
            equal probability, then one of the images that contain it. `Augmentation`
            places the crop around a random pixel of the class; other callables crop as
            usual. Rare and small classes are thus seen more often; 0.5 is a good value.
            The labels of the data set are read once, before this function returns; see
            `class_pixels`.

    Returns:
        `tf.data.Dataset` of images, float32 `(batch_size, height, width, 3)` in 0..255,
        and labels, int32 `(batch_size, height, width)`; with a last axis of classes if
        those of the data set are independent. With `positions`, the images are replaced
        by the pair of images and positions, int32 `(batch_size, height)` in 0..128.
        With `shard`, batches are this machine's part of `batch_size`.

    Raises:
        ValueError: If `batch_size` is not in 1..`len(dataset)` or not a multiple of the
            number of machines, `seed` is negative, `class_balance` is not in 0..1, or
            classes are to be balanced and no label contains a class. While iterating,
            `tf.errors.InvalidArgumentError` with the message of the error that occurred
            when reading an image.

    Example:
        ```python
        batches = training_pipeline(StreetScenes(16), 8)
        model.fit(batches, epochs=2, shuffle=False)  # the pipeline shuffles
        ```
    """
    part = _part(batch_size, shard)
    num_images = len(dataset)
    if num_images < batch_size:
        raise ValueError(
            "`dataset` must hold at least `batch_size` images, since training uses "
            f"whole batches only. Received: {num_images} images and {batch_size=}. "
            f"Pass a `batch_size` of at most {num_images} (--batch-size)."
        )
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"`seed` must be an integer of 0 or more. Received: {seed=}")
    pixels = _pixels_to_balance(dataset, class_balance)
    if isinstance(augmentation, Augmentation):
        augmentation = augmentation.padding_with(dataset.ignore_class)
    steps = num_images // batch_size
    size = None
    if augmentation is None:
        size = _read(dataset, 0)[1].shape[:2]
    epochs = itertools.count(first_epoch)
    reader = SampleReader(
        dataset, functools.partial(_read_of_size, dataset, size), cache
    )

    def draw_epoch():
        epoch = next(epochs)
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(num_images)[: steps * batch_size]
        focus = np.full(len(order), -1)
        if pixels is not None:
            order, focus = balanced_order(order, pixels, class_balance, rng)
        here = np.flatnonzero(np.isin(np.arange(len(order)) % batch_size, part))
        seeds = np.stack([np.full(len(here), seed), epoch * num_images + here], axis=1)
        yield order[here], seeds, focus[here]

    def load(index, sample_seed, focus):
        image, label = reader(index)
        height, width = size or (None, None)
        image.set_shape((height, width, dataset.channels))
        label.set_shape(dataset.label_shape(height, width))
        rows = (_whole_image(tf.shape(label)[0], height),) if positions else ()
        if augmentation is None:
            image, label = tf.cast(image, tf.float32), tf.cast(label, tf.int32)
        elif isinstance(augmentation, Augmentation):
            focus = None if pixels is None else focus
            image, label, *rows = augmentation(
                image, label, sample_seed, *(rows or (None,)), focus=focus
            )
        else:
            label = tf.cast(label, tf.int32)
            image, label, *rows = augmented(
                augmentation, image, label, sample_seed, *rows
            )
        return ((image, *rows) if positions else image), label

    samples = tf.data.Dataset.from_generator(
        draw_epoch,
        output_signature=(
            tf.TensorSpec((None,), tf.int64),
            tf.TensorSpec((None, 2), tf.int64),
            tf.TensorSpec((None,), tf.int64),
        ),
    ).unbatch()
    samples = samples.apply(tf.data.experimental.assert_cardinality(steps * len(part)))
    first = np.int64(0), np.array([seed, 0], "int64"), np.int64(-1)
    load = with_static_sizes(load, tf.data.Dataset.from_tensors(first))
    samples = samples.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    batches = samples.batch(len(part), drop_remainder=True)
    return batches.prefetch(_PREFETCHED).with_options(_options())


def evaluation_pipeline(
    dataset: SegmentationDataset,
    batch_size: int = 1,
    positions: bool = False,
    shard: Sequence[int] = (0, 1),
    one_by_one: bool = False,
) -> tf.data.Dataset:
    """Returns all images, whole, in order and once each, for evaluation.

    The last batch is filled up to the size of the others with images of 0 whose labels
    are `dataset.ignore_class`; metrics do not count them.

    Args:
        dataset: `SegmentationDataset`.
        batch_size: int. Above 1, all images of a batch must have the same size, unless
            they come `one_by_one`.
        positions: bool. Whether to add the positions of rows, here those of whole
            images.
        shard: pair of ints, the index of this machine and the number of machines. All
            machines get the same number of batches, each with its own part of the
            images.
        one_by_one: bool. Whether each batch holds one image and is filled up like the
            last batch. For images of different sizes on several devices, among which
            batches are divided.

    Returns:
        `tf.data.Dataset` of images, float32 `(batch_size, height, width, 3)` in 0..255,
        and labels, int32 `(batch_size, height, width)`; with a last axis of classes if
        those of the data set are independent. With `positions`, the images are replaced
        by the pair of images and positions, int32 `(batch_size, height)`.
        With `shard`, batches are this machine's part of `batch_size`.

    Raises:
        ValueError: If `batch_size` is not a positive integer or not a multiple of the
            number of machines, or if `dataset` is empty. While iterating,
            `tf.errors.InvalidArgumentError` with the message of the error that occurred
            when reading an image, or if the images of a batch differ in size.

    Example:
        `model.evaluate(evaluation_pipeline(StreetScenes(8, seed=1), 4))`
    """
    part = _part(batch_size, shard)
    step = 1 if one_by_one else batch_size
    num_images = len(dataset)
    if not num_images:
        raise ValueError("`dataset` must hold at least one image. Received: none.")

    def read_batch(start):
        first, end = int(start) + part.start, min(int(start) + step, num_images)
        indices = range(first, min(first + len(part), end))
        # A machine without images left reads the last one for its size only.
        samples = [_read(dataset, index) for index in indices]
        size = (samples or [_read(dataset, end - 1)])[0][1].shape[:2]
        for index, (_, label) in zip(indices, samples, strict=True):
            if label.shape[:2] != size:
                raise ValueError(
                    "The images of a batch must have one size. Received: image "
                    f"{first} of {size} and image {index} of {label.shape[:2]} "
                    "(height, width). Use batch_size=1 for images of different sizes, "
                    "or one_by_one=True."
                )
        images = np.zeros((len(part), *size, dataset.channels), "float32")
        shape = len(part), *dataset.label_shape(*size)
        labels = np.full(shape, dataset.ignore_class, "int32")
        for place, (image, label) in enumerate(samples):
            images[place], labels[place] = image, label
        return images, labels

    def load(start):
        images, labels = tf.numpy_function(read_batch, [start], (tf.float32, tf.int32))
        images.set_shape((len(part), None, None, dataset.channels))
        labels.set_shape((len(part), *dataset.label_shape(None, None)))
        if not positions:
            return images, labels
        rows = _whole_image(tf.shape(labels)[1])
        return (images, tf.repeat(rows[None], len(part), axis=0)), labels

    batches = tf.data.Dataset.range(0, num_images, step)
    batches = batches.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(_PREFETCHED).with_options(_options())


def _pixels_to_balance(dataset, class_balance):
    """Returns `class_pixels(dataset)`, or None if no sample is drawn by class."""
    if not isinstance(class_balance, numbers.Real) or not 0 <= class_balance <= 1:
        raise ValueError(
            f"`class_balance` must be a number in 0..1. Received: {class_balance=}"
        )
    if not class_balance:
        return None
    pixels = class_pixels(dataset)
    if not pixels.any():
        raise ValueError(
            "`class_balance` needs labels with classes; those of `dataset` hold none. "
            f"Received: {class_balance=}"
        )
    return pixels


def _whole_image(height, static_height=None):
    """Returns the positions of all rows of an image, int32 `(height,)`."""
    positions = row_positions(tf.range(height), height)
    positions.set_shape((static_height,))
    return positions


def _part(batch_size, shard):
    """Returns the places of one machine's images in a batch, as a range."""
    index, count = shard
    batch_size = require_positive_integer("batch_size", batch_size)
    if batch_size % count:
        raise ValueError(
            "`batch_size` is the total over all machines and must be a multiple of "
            f"their number. Received: {batch_size=} for {count} machines"
        )
    each = batch_size // count
    return range(index * each, (index + 1) * each)


def _read(dataset, index):
    """Reads and checks an image, of `dataset.image_dtype`, and its label, int32."""
    try:
        image, label = (np.asarray(array) for array in dataset[index])
    except OSError as error:  # TensorFlow would make it an `UnknownError`
        raise ValueError(str(error)) from error
    size = label.shape[:2]
    if image.shape != (*size, dataset.channels) or (
        label.shape != dataset.label_shape(*size)
    ):
        wanted = ", ".join(map(str, dataset.label_shape("height", "width")))
        raise ValueError(
            f"dataset[{index}] must return an image (height, width, "
            f"{dataset.channels}) and a label ({wanted}). Received the shapes "
            f"{image.shape} and {label.shape}"
        )
    if image.dtype != dataset.image_dtype:
        raise ValueError(
            f"dataset[{index}] must return an image of {dataset.image_dtype}. "
            f"Received: {image.dtype}"
        )
    return image, checked_label(f"dataset[{index}]", label, dataset)


def _read_of_size(dataset, size, index):
    """Reads a sample and checks the size of its label, if a size is given."""
    image, label = _read(dataset, index)
    if size is not None and label.shape[:2] != size:
        raise ValueError(
            "Without `augmentation`, all images must have one size. Received: "
            f"image 0 of {size} and image {index} of {label.shape[:2]} (height, "
            "width). Pass an `Augmentation`, which crops to one size."
        )
    return image, label


def _options():
    options = tf.data.Options()
    options.deterministic = True
    # tf.distribute cannot shard a Python source by files, and warns about it.
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    # The thread that tunes the parallelism sleeps for up to a minute, and an epoch
    # ends only when it wakes up. Without it, AUTOTUNE is one call per core, up to 16.
    options.autotune.enabled = False
    # Two threads wait most of the time: for Python, and for the images of a batch.
    options.threading.private_threadpool_size = (os.cpu_count() or 1) + 2
    return options
