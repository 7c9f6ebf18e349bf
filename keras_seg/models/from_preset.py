import hashlib
import importlib

import keras

from keras_seg.models.presets import presets
from keras_seg.models.replace_classifier import replace_classifier


def from_preset(name: str, num_classes: int | None = None) -> keras.Model:
    """Returns a trained network that comes with the package.

    Nothing is downloaded. The weights are stored in half precision and verified by
    their checksum; the network computes in float32.

    Args:
        name: str. A key of `keras_seg.models.presets()`.
        num_classes: int, or None for the classes that the network was trained on. With
            a number, the classifier is initialized and all other weights are kept, for
            fine-tuning on other data.

    Returns:
        A functional `keras.Model` from raw RGB `(batch, height, width, 3)` in 0..255,
        of any size, to float32 logits `(batch, height, width, num_classes)`.

    Raises:
        ValueError: If no preset has this name, if its file of weights is damaged, or if
            `num_classes` is not a valid number of classes.

    Example:
        ```python
        from keras_seg.inference import predict
        from keras_seg.models import from_preset, presets

        name = next(iter(presets()))
        classes = predict(from_preset(name), "street.jpg")  # (height, width)

        model = from_preset(name, num_classes=5)  # to be trained on five other classes
        model.get_layer("backbone").trainable = False
        ```
    """
    known = presets()
    if name not in known:
        raise ValueError(
            f"`name` must be one of {', '.join(sorted(known))}. Received: {name!r}"
        )
    preset = known[name]
    if hashlib.sha256(preset.path.read_bytes()).hexdigest() != preset.sha256:
        raise ValueError(
            f"The weights of the preset {name!r} are damaged: the checksum of "
            f"{preset.path} is not {preset.sha256}. Install keras_seg again."
        )
    models = importlib.import_module("keras_seg.models")
    model = getattr(models, preset.network)(**preset.arguments)
    model.load_weights(preset.path)
    return model if num_classes is None else replace_classifier(model, num_classes)
