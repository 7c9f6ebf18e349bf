from keras_seg.layers import NetworkOutput
from keras_seg.models import network_info


def mark_logits(logits, network, scale):
    """Marks logits that were computed from a network's if its classes are independent.

    Args:
        logits: symbolic tensor `(batch, height, width, classes)`.
        network: functional `keras.Model` that predicts these classes.
        scale: int. Factor by which images are reduced; see `NetworkOutput`.

    Returns:
        Symbolic tensor of the same shape: `logits` itself if each pixel has one class.

    Example:
        `keras.Model(image, mark_logits(network(image) / 2, network, scale=1))`
    """
    if not network_info(network).independent_classes:
        return logits
    return NetworkOutput(scale=scale, independent_classes=True)(logits)
