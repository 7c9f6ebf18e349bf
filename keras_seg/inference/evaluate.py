import keras
import numpy as np
from keras import ops

from keras_seg.inference.class_map import class_map
from keras_seg.inference.evaluate_label_maps import evaluate_label_maps
from keras_seg.inference.prediction_model import prediction_model
from keras_seg.inference.segmentation_network import segmentation_network
from keras_seg.models import network_info
from keras_seg.ops.xla import tensorflow


def evaluate(
    model,
    batches,
    class_names,
    ignore_class=255,
    boundaries=True,
    boundary_tolerance=None,
    verbose=0,
    **options,
):
    """How well a model predicts whole images: IoU, accuracy, boundaries, confusion.

    Batches are predicted one after the other, so that memory does not grow with the
    data set. A model that was built under a `tf.distribute.Strategy` predicts on all of
    its devices; whatever their number, each image counts once.

    Args:
        model: a model of `keras_seg.models`, compiled or not; it stays as it is.
        batches: `tf.data.Dataset` of images and labels, as `evaluation_pipeline` gives.
            A `DSRL` takes images of the labels' size, which are reduced by its scale as
            by `predict`, and images that are that much smaller, as `named_targets`
            gives.
        class_names: sequence of str, one for each class; two for a model of one logit.
        ignore_class: int, tuple of ints, or None: the labels that do not count.
        boundaries: bool. Whether to work out the boundary F1 too.
        boundary_tolerance: float, in pixels, or None for 0.75 % of each image's
            diagonal.
        verbose: 0, or 1 for a progress bar.
        **options: `window`, `overlap`, `blending`, `scales` and `flip` of
            `prediction_model`.

    Returns:
        dict of "mean_iou", "class_iou" and the other measures of
        `evaluate_label_maps`; a class without any pixel is nan and does not count.

    Raises:
        TypeError: As `prediction_model`.
        ValueError: If there are not as many names as the model has classes, if the
            model was built for several machines, or as `prediction_model` and
            `evaluate_label_maps`.

    Example: `evaluate(model, evaluation_pipeline(val), val.class_names)["mean_iou"]`
    """
    network = segmentation_network(model)
    num_classes = max(network.output_shape[-1], 2)
    if num_classes != len(class_names):
        raise ValueError(
            "`class_names` must name each class of the model. Received: "
            f"{len(class_names)} names for {num_classes} classes"
        )
    predict = _predict_function(network, model, options)
    if tensorflow():
        strategy = model.distribute_strategy
        parts = strategy.num_replicas_in_sync
        pairs = _predict_on_devices(predict, batches, strategy)
    else:
        parts, pairs = 1, _predict(predict, batches)
    if verbose:
        pairs = _with_progress(pairs, parts * int(batches.cardinality()))
    return evaluate_label_maps(
        pairs, class_names, ignore_class, boundaries, boundary_tolerance
    )


def _predict_function(network, model, options):
    """A function from images and their labels to class maps of the labels' size."""
    full_size = prediction_model(model, **options)
    if network_info(network).scale == 1:
        return lambda images, labels: class_map(full_size(images, training=False))
    reduced = prediction_model(model, full_size=False, **options)

    def predict(images, labels):
        same = ops.all(ops.equal(ops.shape(images)[1:3], ops.shape(labels)[1:3]))
        return ops.cond(
            same,
            lambda: class_map(full_size(images, training=False)),
            lambda: class_map(reduced(images, training=False)),
        )

    return predict


def _predict(predict, batches):
    """Labels and class maps of each batch, as Keras's backend predicts them."""
    for images, labels in batches.as_numpy_iterator():
        yield labels, ops.convert_to_numpy(predict(images, labels))


def _predict_on_devices(predict, batches, strategy):
    """The same of each device's part of a batch."""
    tf = tensorflow()
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise ValueError(
            "`model` must belong to this machine alone. Received one of several "
            "machines: save it, and load it outside of its strategy."
        )
    batches = strategy.experimental_distribute_dataset(batches)

    # With the sizes of the data set, which are mostly known at run time only: a trace
    # for each size would take longer than the predictions.
    @tf.function(input_signature=[batches.element_spec])
    def step(batch):
        images, labels = batch
        classes = strategy.run(predict, args=(images, labels))
        return [strategy.experimental_local_results(x) for x in (labels, classes)]

    for batch in batches:
        for labels, classes in zip(*step(batch), strict=True):
            yield np.asarray(labels), np.asarray(classes)


def _with_progress(pairs, count):
    """The same pairs; a bar shows how many there have been of `count`, if it is any."""
    bar = keras.utils.Progbar(count if count > 0 else None)
    for pair in pairs:
        yield pair
        bar.add(1)
