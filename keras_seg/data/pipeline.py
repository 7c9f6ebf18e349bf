import itertools

import numpy as np
import tensorflow as tf

from keras_seg.ops import row_positions


def training_pipeline(
    dataset, batch_size, augmentation=None, seed=0, cache=False, positions=False
):
    """Returns shuffled and augmented batches to train on.

    Every pass over the result is an epoch with an order and augmentations of its own.
    They follow from `seed` and the number of the epoch: a pipeline that is built again
    with the same seed gives the same batches. The images left over by the batch size
    sit out the epoch, other ones each time.

    Args:
        dataset: `SegmentationDataset`.
        batch_size: int. The same for every batch, since Keras fails under
            `tf.distribute.MirroredStrategy` on a smaller last one.
        augmentation: `Augmentation`, or any callable
            `(image, label, seed) -> (image, label)` of tensors whose results share a
            size; or `None` for images as they are, which then must have one size. With
            `positions` a callable gets and returns these too, as `Augmentation` does.
        seed: int, 0 or more.
        cache: Whether to keep all images in memory once they are read, before
            augmentation.
        positions: bool. Whether to tell a model with positions, such as
            `HANet(..., positions=True)`, where each row was in the uncropped image.

    Returns:
        `tf.data.Dataset` of images, float32 `(batch_size, height, width, 3)` in 0..255,
        and labels, int32 `(batch_size, height, width)`. With `positions` the pair of
        the images and int32 `(batch_size, height)` in 0..128 is in the images' place.

    Example:

    ```python
    batches = training_pipeline(StreetScenes(400), 8)
    model.fit(batches, epochs=2, shuffle=False)  # Keras warns where it cannot shuffle
    ```

    Raises:
        ValueError: If `batch_size` is not in 1..`len(dataset)` or `seed` is negative.
            While iterating, `tf.errors.InvalidArgumentError` with the message of the
            error that reading an image raised.
    """
    _check_batch_size(batch_size)
    num_images = len(dataset)
    if num_images < batch_size:
        raise ValueError(
            "`dataset` must hold `batch_size` images or more, since only whole batches "
            f"are trained on. Received: {num_images} images and {batch_size=}"
        )
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"`seed` must be an int of 0 or more. Received: {seed=}")
    samples_per_epoch = num_images // batch_size * batch_size
    size = None
    if augmentation is None:
        size = _read(dataset, 0)[1].shape
    epochs = itertools.count()
    kept = {}

    def draw_epoch():
        epoch = next(epochs)
        order = np.random.default_rng((seed, epoch)).permutation(num_images)
        for position, index in enumerate(order[:samples_per_epoch]):
            yield index, (seed, epoch * num_images + position)

    def read(index):
        index = int(index)
        image, label = kept.get(index) or _read(dataset, index)
        if cache:
            kept[index] = image, label
        if size is not None and label.shape != size:
            raise ValueError(
                "Without `augmentation`, all images must have one size. Received: "
                f"image 0 of {size} and image {index} of {label.shape} (height, "
                "width). Pass an `Augmentation`, which crops to one size."
            )
        return image, label

    def load(index, sample_seed):
        image, label = tf.numpy_function(read, [index], (tf.uint8, tf.int32))
        height, width = size or (None, None)
        image.set_shape((height, width, 3))
        label.set_shape((height, width))
        rows = (_whole_image(tf.shape(label)[0], height),) if positions else ()
        if augmentation is None:
            image = tf.cast(image, tf.float32)
        else:
            image, label, *rows = augmentation(image, label, sample_seed, *rows)
        return ((image, *rows) if positions else image), label

    samples = tf.data.Dataset.from_generator(
        draw_epoch,
        output_signature=(
            tf.TensorSpec((), tf.int64),
            tf.TensorSpec((2,), tf.int64),
        ),
    )
    samples = samples.apply(tf.data.experimental.assert_cardinality(samples_per_epoch))
    samples = samples.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    batches = samples.batch(batch_size, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())


def evaluation_pipeline(dataset, batch_size=1, positions=False):
    """Returns all images, whole, in order and once each, to evaluate on.

    The last batch is filled up with void samples, images of 0 with labels of
    `dataset.ignore_class`, which no metric counts: so its size is that of the others.

    Args:
        dataset: `SegmentationDataset`.
        batch_size: int. Above 1, the images of a batch must share a size.
        positions: bool. Whether a model takes positions, which are then those of whole
            images.

    Returns:
        `tf.data.Dataset` of images, float32 `(batch_size, height, width, 3)` in 0..255,
        and labels, int32 `(batch_size, height, width)`. With `positions` the pair of
        the images and int32 `(batch_size, height)` is in the images' place.

    Example: `model.evaluate(evaluation_pipeline(StreetScenes(50, seed=1), 8))`

    Raises:
        ValueError: If `batch_size` is not a positive int or `dataset` is empty. While
            iterating, `tf.errors.InvalidArgumentError` with the message of the error
            that reading an image raised, or where sizes differ in a batch.
    """
    _check_batch_size(batch_size)
    num_images = len(dataset)
    if not num_images:
        raise ValueError("`dataset` must hold one image or more. Received none.")

    def read_batch(start):
        start = int(start)
        stop = min(start + batch_size, num_images)
        samples = [_read(dataset, index) for index in range(start, stop)]
        size = samples[0][1].shape
        for index, (_, label) in enumerate(samples, start):
            if label.shape != size:
                raise ValueError(
                    "The images of a batch must have one size. Received: image "
                    f"{start} of {size} and image {index} of {label.shape} (height, "
                    "width). Use batch_size=1 for images of many sizes."
                )
        images = np.zeros((batch_size, *size, 3), "float32")
        labels = np.full((batch_size, *size), dataset.ignore_class, "int32")
        for place, (image, label) in enumerate(samples):
            images[place], labels[place] = image, label
        return images, labels

    def load(start):
        images, labels = tf.numpy_function(read_batch, [start], (tf.float32, tf.int32))
        images.set_shape((batch_size, None, None, 3))
        labels.set_shape((batch_size, None, None))
        if not positions:
            return images, labels
        rows = _whole_image(tf.shape(labels)[1])
        return (images, tf.repeat(rows[None], batch_size, axis=0)), labels

    batches = tf.data.Dataset.range(0, num_images, batch_size)
    batches = batches.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.prefetch(tf.data.AUTOTUNE).with_options(_options())


def _whole_image(height, static_height=None):
    """The positions of all rows of an image, int32 `(height,)`."""
    positions = row_positions(tf.range(height), height)
    positions.set_shape((static_height,))
    return positions


def _check_batch_size(batch_size):
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(
            f"`batch_size` must be a positive int. Received: {batch_size=}"
        )


def _read(dataset, index):
    """Returns an image, uint8, and its label, int32, after a check of their shapes."""
    image, label = (np.asarray(array) for array in dataset[index])
    if image.ndim != 3 or image.shape[2] != 3 or label.shape != image.shape[:2]:
        raise ValueError(
            f"dataset[{index}] must return an image (height, width, 3) and a label "
            f"(height, width). Received the shapes {image.shape} and {label.shape}"
        )
    if image.dtype != np.uint8:
        raise ValueError(
            f"dataset[{index}] must return an image of uint8. Received: {image.dtype}"
        )
    return image, label.astype("int32")


def _options():
    options = tf.data.Options()
    options.deterministic = True
    # tf.distribute cannot shard by files what comes from Python, and warns of it.
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    return options
