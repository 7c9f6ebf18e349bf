"""Samples from augmentations that are any callable, with static sizes for batches."""

import tensorflow as tf


def augmented(augmentation, image, label, seed, *positions):
    """Calls an augmentation on tensors in a graph and checks its results.

    Returns:
        The image, float32 `(height, width, channels)`, and the label, int32, of the
        rank of the given one. With `positions` also these, int32 `(height,)`.

    Raises:
        TypeError: If the callable needs NumPy arrays.
        ValueError: If it returns anything else.
    """
    try:
        results = augmentation(image, label, seed, *positions)
    except (AttributeError, NotImplementedError) as error:
        raise TypeError(
            "`augmentation` must work on tensors in a graph. Wrap a function of NumPy "
            f"arrays in keras_seg.data.NumpyAugmentation. It raised: {error}"
        ) from error
    count = 2 + len(positions)
    if not isinstance(results, (tuple, list)) or len(results) != count:
        names = "(image, label, positions)" if positions else "(image, label)"
        raise ValueError(f"`augmentation` must return {names}. Received: {results!r}")
    rank_of_label = label.shape.rank
    image, label, *positions = results
    image, label = tf.cast(image, tf.float32), _whole(tf.convert_to_tensor(label))
    for name, tensor, rank in (("image", image, 3), ("label", label, rank_of_label)):
        if tensor.shape.rank not in (None, rank):
            raise ValueError(
                "`augmentation` must return an image (height, width, channels) and a "
                "label (height, width), or (height, width, classes) for independent "
                f"classes. Received: the {name} with the shape {tensor.shape}"
            )
    return image, label, *(tf.cast(rows, tf.int32) for rows in positions)


def _whole(label):
    """Returns a label as int32, and stops if it holds fractions."""
    whole = tf.cast(label, tf.int32)
    if not label.dtype.is_floating:
        return whole
    check = tf.debugging.assert_equal(
        tf.cast(whole, label.dtype),
        label,
        "`augmentation` must return a label of integers: resize and rotate labels by "
        "the nearest pixel",
    )
    with tf.control_dependencies([check]):
        return tf.identity(whole)


def with_static_sizes(load, first):
    """Gives the results of a pipeline's function static shapes.

    Args:
        load: Function that maps elements of `first` to tensors.
        first: `tf.data.Dataset` of one element. If the graph of `load` has dynamic
            shapes, the sizes of all results are taken from this element.

    Returns:
        `load`, or a function with the same results and static shapes.

    Raises:
        ValueError: If the image and the label of the first element differ in size.
    """
    loaded = first.map(load)
    specs = tf.nest.flatten(loaded.element_spec)
    if all(spec.shape.is_fully_defined() for spec in specs):
        shapes = [spec.shape for spec in specs]
    else:
        shapes = [tensor.shape for tensor in tf.nest.flatten(next(iter(loaded)))]
    if len(shapes[0]) != 3 or shapes[0][:2] != shapes[-1][:2]:
        raise ValueError(
            "An augmented image (height, width, channels) and its label "
            "(height, width) must have the same size. Received the shapes "
            f"{shapes[0]} and {shapes[-1]}"
        )

    def load_with_sizes(*element):
        results = load(*element)
        tensors = tf.nest.flatten(results)
        return tf.nest.pack_sequence_as(
            results,
            [_of_shape(*both) for both in zip(tensors, shapes, strict=True)],
        )

    return load_with_sizes


def _of_shape(tensor, shape):
    if tensor.shape.is_fully_defined():
        return tensor
    check = tf.debugging.assert_equal(
        tf.shape(tensor),
        shape,
        "`augmentation` must return results of one size: crop or pad to it. Those of "
        f"the first image have the shape {shape}",
    )
    with tf.control_dependencies([check]):
        return tf.ensure_shape(tf.identity(tensor), shape)
