import keras
import numpy as np
from keras import ops

from keras_seg.inference.evaluate_label_maps import evaluate_label_maps
from keras_seg.models import inference_model
from keras_seg.ops.xla import tensorflow


def evaluate(
    model,
    batches,
    class_names,
    ignore_class=255,
    boundaries=True,
    boundary_tolerance=None,
    verbose=0,
):
    """How well a model predicts whole images: IoU, accuracy, boundaries, confusion.

    Batches are predicted one after the other, so that memory does not grow with the
    data set. A model that was built under a `tf.distribute.Strategy` predicts on all of
    its devices; whatever their number, each image counts once.

    Args:
        model: a model of `keras_seg.models`, compiled or not; it stays as it is.
        batches: `tf.data.Dataset` of images and labels, as `evaluation_pipeline` gives.
        class_names: sequence of str, one for each class.
        ignore_class: int, tuple of ints, or None: the labels that do not count.
        boundaries: bool. Whether to work out the boundary F1 too.
        boundary_tolerance: float, in pixels, or None for 0.75 % of each image's
            diagonal.
        verbose: 0, or 1 for a progress bar.

    Returns:
        dict of "mean_iou", "class_iou" and the other measures of
        `evaluate_label_maps`; a class without any pixel is nan and does not count.

    Raises:
        ValueError: If there are not as many names as the model has classes, if the
            model was built for several machines, or as `evaluate_label_maps`.

    Example: `evaluate(model, evaluation_pipeline(val), val.class_names)["mean_iou"]`
    """
    network = inference_model(model)
    if network.output_shape[-1] != len(class_names):
        raise ValueError(
            "`class_names` must name each class of the model. Received: "
            f"{len(class_names)} names for {network.output_shape[-1]} classes"
        )
    if tensorflow():
        strategy = model.distribute_strategy
        parts = strategy.num_replicas_in_sync
        pairs = _predict_on_devices(network, batches, strategy)
    else:
        parts, pairs = 1, _predict(network, batches)
    if verbose:
        pairs = _with_progress(pairs, parts * int(batches.cardinality()))
    return evaluate_label_maps(
        pairs, class_names, ignore_class, boundaries, boundary_tolerance
    )


def _predict(network, batches):
    """Labels and predicted classes of each batch, as Keras's backend predicts it."""
    for images, labels in batches.as_numpy_iterator():
        yield labels, network.predict_on_batch(images).argmax(axis=-1)


def _predict_on_devices(network, batches, strategy):
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
        logits = strategy.run(network, args=(images,), kwargs={"training": False})
        classes = strategy.run(ops.argmax, args=(logits, -1))
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
