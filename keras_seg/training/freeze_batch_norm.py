import keras

from keras_seg.training.batch_norms import batch_norms


def freeze_batch_norm(model: keras.layers.Layer) -> int:
    """Freezes the statistics, scales and offsets of a model's batch norms.

    Use it when batches are too small for reliable statistics and the backbone is
    pretrained: the batch norms then run in inference mode while the convolutions train.

    Args:
        model: `keras.Model` or layer that is not compiled yet. Pass
            `model.get_layer("backbone")` to leave the batch norms of the heads
            trainable. To freeze a whole backbone, set its `trainable` to False.

    Returns:
        int, the number of batch norms that were frozen.

    Example:
        ```python
        backbone = build("efficientnet_lite_b0", 16, weights="imagenet")
        model = SPNet(11, backbone)
        freeze_batch_norm(model.get_layer("backbone"))
        ```
    """
    norms = batch_norms(model)
    for norm in norms:
        norm.trainable = False
    return len(norms)
