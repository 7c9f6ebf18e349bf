import numpy as np

from keras_seg.visualization.colorize import colorize
from keras_seg.visualization.colorize_masks import colorize_masks


def overlay(
    image: np.ndarray, labels: np.ndarray, palette: np.ndarray, alpha: float = 0.5
) -> np.ndarray:
    """Overlays an image with the colors of the classes.

    Pixels whose label is outside of the palette, such as the ignored 255, show the
    image unchanged.

    Args:
        image: array `(height, width, 3)` or `(batch, height, width, 3)`, RGB in 0..255.
        labels: integer array of the image's shape without channels. Or masks of
            independent classes, of the image's rank, with a last axis of classes; see
            `colorize_masks`.
        palette: uint8 array `(num_classes, 3)`, RGB.
        alpha: float in 0..1. Opacity of the colors; 0 shows only the image.

    Returns:
        uint8 array of the image's shape.

    Raises:
        ValueError: If the shapes do not match, or if `alpha` is outside of 0..1; see
            also `colorize`.

    Example:
        `overlay(image, predict(model, image), val.palette)`
    """
    image, labels = np.asarray(image), np.asarray(labels)
    has_masks = labels.ndim == image.ndim
    size = labels.shape[:-1] if has_masks else labels.shape
    if image.shape != (*size, 3):
        raise ValueError(
            "`image` must have the shape of `labels` and three channels. Received: "
            f"image {image.shape} and labels {labels.shape}"
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must be in 0..1. Received: {alpha=}")
    if has_masks:
        colors = colorize_masks(labels, palette)
        is_class = (labels == 1).any(axis=-1)
    else:
        colors = colorize(labels, palette)
        is_class = (labels >= 0) & (labels < len(palette))
    share = alpha * is_class[..., None]
    mixed = image * (1 - share) + colors * share
    return np.clip(mixed.round(), 0, 255).astype("uint8")
