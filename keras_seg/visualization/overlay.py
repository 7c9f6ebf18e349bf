import numpy as np

from keras_seg.visualization.colorize import colorize


def overlay(image, labels, palette, alpha=0.5):
    """Lays the colours of the classes over an image.

    Pixels whose label is outside of the palette, such as the ignored 255, show the
    image as it is.

    Args:
        image: `(height, width, 3)` or `(batch, height, width, 3)`, RGB in 0..255.
        labels: Integers of the image's shape without its channels.
        palette: uint8 array `(num_classes, 3)`, RGB.
        alpha: Share of the classes' colours, from 0, the image alone, to 1.

    Returns:
        uint8 array of the image's shape.

    Example: `overlay(image, model.predict(image[None]).argmax(-1)[0], data.palette)`

    Raises:
        ValueError: If the shapes do not agree, or `alpha` is outside 0..1, or as
            `colorize`.
    """
    image, labels = np.asarray(image), np.asarray(labels)
    if image.shape != (*labels.shape, 3):
        raise ValueError(
            "`image` must have the shape of `labels` and three channels. Received: "
            f"image {image.shape} and labels {labels.shape}"
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must be in 0..1. Received: {alpha=}")
    colors = colorize(labels, palette)
    is_class = (labels >= 0) & (labels < len(palette))
    share = alpha * is_class[..., None]
    mixed = image * (1 - share) + colors * share
    return np.clip(mixed.round(), 0, 255).astype("uint8")
