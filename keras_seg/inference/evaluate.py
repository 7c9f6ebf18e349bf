import keras

from keras_seg.losses import SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.models import inference_model


def evaluate(model, batches, class_names):
    """Mean IoU and IoU by class over whole images.

    Args:
        model: a model of `keras_seg.models`, compiled or not; it stays as it is.
        batches: `tf.data.Dataset` of images and labels, as `evaluation_pipeline` gives.
        class_names: sequence of str, one for each class.

    Returns:
        dict of "mean_iou", a float, and "class_iou", `{class name: float}`; a class
        without any pixel is nan and does not count.

    Raises:
        ValueError: If there are not as many names as the model has classes.

    Example: `evaluate(model, evaluation_pipeline(val), val.class_names)["mean_iou"]`
    """
    network = inference_model(model)
    if network.output_shape[-1] != len(class_names):
        raise ValueError(
            "`class_names` must name each class of the model. Received: "
            f"{len(class_names)} names for {network.output_shape[-1]} classes"
        )
    metric = MeanIoU(len(class_names))
    # A model of its own, so that what the caller compiled stays.
    network = keras.Model(network.input, network.output)
    network.compile(loss=SegmentationCrossentropy(), metrics=[metric])
    network.evaluate(batches, verbose=0)
    by_class = zip(class_names, metric.class_iou().tolist(), strict=True)
    return {"mean_iou": float(metric.result()), "class_iou": dict(by_class)}
