from keras_seg.training.batch_norms import batch_norms


def freeze_batch_norm(model):
    """Freezes the statistics, scales and offsets of a model's batch norms.

    For batches too small for statistics of their own, on a backbone that has good ones:
    the batch norms run as in inference while the convolutions train.

    Args:
        model: `keras.Model` or layer that is not compiled yet; give
            `model.get_layer("backbone")` to leave the heads' batch norms alone. To
            freeze a backbone altogether, set its `trainable` to False.

    Returns:
        The number of batch norms that were frozen.

    Example:

    ```python
    model = SPNet(11, build("resnet50", 8, weights="imagenet"))
    freeze_batch_norm(model.get_layer("backbone"))
    ```
    """
    norms = batch_norms(model)
    for norm in norms:
        norm.trainable = False
    return len(norms)
