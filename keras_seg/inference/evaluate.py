from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_seg.inference.class_map import class_map
from keras_seg.inference.evaluate_label_maps import evaluate_label_maps
from keras_seg.inference.evaluate_masks import evaluate_masks
from keras_seg.inference.prediction_model import prediction_model
from keras_seg.models import network_info
from keras_seg.models.segmentation_network import segmentation_network
from keras_seg.ops.xla import tensorflow
from keras_seg.typing import IgnoreClass


def evaluate(
    model: keras.Model,
    batches: tf.data.Dataset,
    class_names: Sequence[str],
    ignore_class: IgnoreClass = 255,
    boundaries: bool = True,
    boundary_tolerance: float | None = None,
    verbose: int = 0,
    **options: Any,
) -> dict[str, Any]:
    """Evaluates a model on whole images: IoU, accuracy, boundary F1, confusion matrix.

    Predicts batch by batch, so that memory does not grow with the data set. A model
    built under a `tf.distribute.Strategy` predicts on all of its devices; each image
    counts once, whatever their number.

    The labels of a model of independent classes are masks of 0 and 1, `(batch, height,
    width, classes)`. Each class is then evaluated by itself; see `evaluate_masks`.

    Args:
        model: a model of `keras_seg.models`, compiled or not. It is not changed.
        batches: `tf.data.Dataset` of (images, labels), as `evaluation_pipeline` returns
            it. For a `DSRL`, images may have the size of the labels, and are then
            reduced by its scale as in `predict`, or be smaller by that scale, as from
            `named_targets`. Of a dict of labels by output, those of the prediction
            count.
        class_names: sequence of str, one for each class; two for a model with a single
            logit.
        ignore_class: int, tuple of ints, or None. Labels that are ignored.
        boundaries: bool. Whether to compute the boundary F1 too, unless classes are
            independent.
        boundary_tolerance: float, in pixels, or None for 0.75 % of each image's
            diagonal.
        verbose: 0, or 1 for a progress bar.
        **options: `window`, `overlap`, `blending`, `scales` and `flip` of
            `prediction_model`.

    Returns:
        dict of "mean_iou", "class_iou" and the other measures of
        `evaluate_label_maps`, or of `evaluate_masks`. Classes without pixels are nan
        and do not count in means.

    Raises:
        TypeError: If `batches` is something else; see also `prediction_model`.
        ValueError: If the number of names is not the number of classes of the model, if
            the images do not have its channels, or the labels not the rank of its
            predictions, or if it was built for several workers; see also
            `prediction_model` and `evaluate_label_maps`.

    Example:
        `evaluate(model, evaluation_pipeline(val), val.class_names)["mean_iou"]`
    """
    network = segmentation_network(model)
    info = network_info(network)
    independent, num_classes = info.independent_classes, info.num_labels
    if num_classes != len(class_names):
        raise ValueError(
            "`class_names` must name each class of the model. Received: "
            f"{len(class_names)} names for {num_classes} classes"
        )
    batches = _labels_of_prediction(batches, network_info(model).prediction)
    _check_batches(batches, independent, network.inputs[0].shape[-1])
    predict = _predict_function(network, model, options)
    if tensorflow():
        strategy = model.distribute_strategy
        parts = strategy.num_replicas_in_sync
        pairs = _predict_on_devices(predict, batches, strategy)
    else:
        parts, pairs = 1, _predict(predict, batches)
    if verbose:
        pairs = _with_progress(pairs, parts * int(batches.cardinality()))
    if independent:
        return evaluate_masks(pairs, class_names, ignore_class)
    return evaluate_label_maps(
        pairs, class_names, ignore_class, boundaries, boundary_tolerance
    )


def _labels_of_prediction(batches, prediction):
    """Returns batches with the labels of the prediction, if they have a dict."""
    spec = getattr(batches, "element_spec", None)
    if isinstance(spec, tuple) and len(spec) == 2 and isinstance(spec[1], dict):
        if prediction not in spec[1]:
            raise ValueError(
                f"`batches` must have labels for the output {prediction!r}. Received: "
                f"labels for {sorted(spec[1])}"
            )
        return batches.map(lambda images, labels: (images, labels[prediction]))
    return batches


def _check_batches(batches, independent, channels):
    """Raises an error unless the batches are pairs of images and labels that fit."""
    spec = getattr(batches, "element_spec", None)
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise TypeError(
            "`batches` must be a tf.data.Dataset of (images, labels). Received: "
            f"{type(batches).__name__ if spec is None else spec}"
        )
    images = getattr(spec[0], "shape", None)  # None for a dict of inputs
    if images is not None and images.rank == 4 and images[3] not in (None, channels):
        raise ValueError(
            f"The images must have the channels of the model, {channels}. Received the "
            f"shape {images}. Open the data set with `channels={channels}` (--channels "
            "of the command)."
        )
    labels = spec[1].shape
    if labels.rank in (None, 3 + independent):
        return
    wanted = "(batch, height, width)"
    if independent:
        wanted = "(batch, height, width, classes) for a model of independent classes"
    if labels.rank == 2:
        remedy = "Pass batches: `batches.batch(1)`."
    else:
        remedy = (
            "State whether a model's classes are independent by its "
            "`independent_classes`. Pass classes instead of one-hot labels."
        )
    raise ValueError(
        f"The labels must be {wanted}. Received the shape {labels}. {remedy}"
    )


def _predict_function(network, model, options):
    """Returns a function from (images, labels) to class maps of the labels' size."""
    info = network_info(network)

    def classes(model, images):
        logits = model(images, training=False)
        return class_map(logits, info.independent_classes)

    full_size = prediction_model(model, **options)
    if info.scale == 1:
        return lambda images, labels: classes(full_size, images)
    reduced = prediction_model(model, full_size=False, **options)

    def predict(images, labels):
        same = ops.all(ops.equal(ops.shape(images)[1:3], ops.shape(labels)[1:3]))
        return ops.cond(
            same,
            lambda: classes(full_size, images),
            lambda: classes(reduced, images),
        )

    return predict


def _predict(predict, batches):
    """Yields the labels and the predicted class maps of each batch."""
    for images, labels in batches.as_numpy_iterator():
        yield labels, ops.convert_to_numpy(predict(images, labels))


def _predict_on_devices(predict, batches, strategy):
    """Yields the labels and the predicted class maps of each replica's batch."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise ValueError(
            "`model` must not be built under a MultiWorkerMirroredStrategy. Received: "
            "a model of several workers. Save it and load it outside of its strategy."
        )
    batches = strategy.experimental_distribute_dataset(batches)

    # The signature keeps dynamic shapes: retracing for each image size would take
    # longer than the predictions.
    @tf.function(input_signature=[batches.element_spec])
    def step(batch):
        images, labels = batch
        classes = strategy.run(predict, args=(images, labels))
        return [strategy.experimental_local_results(x) for x in (labels, classes)]

    for batch in batches:
        for labels, classes in zip(*step(batch), strict=True):
            yield np.asarray(labels), np.asarray(classes)


def _with_progress(pairs, count):
    """Yields the pairs and shows a progress bar, out of `count` if it is positive."""
    bar = keras.utils.Progbar(count if count > 0 else None)
    for pair in pairs:
        yield pair
        bar.add(1)
