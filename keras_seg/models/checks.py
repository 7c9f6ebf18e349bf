"""Checks of the arguments that all models share."""

import keras


def require_classes(num_classes):
    """Raises a ValueError unless so many logits a pixel make sense.

    Also where Keras is configured to put channels first, which no model here does.
    """
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            "Models take images with channels last, (batch, height, width, channels). "
            f"Received: image_data_format={data_format!r}. Call "
            'keras.config.set_image_data_format("channels_last") first.'
        )
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(
            "`num_classes` must be a positive int: 1 for two classes by a sigmoid. "
            f"Received: {num_classes=}"
        )
