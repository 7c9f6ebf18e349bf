"""Checks of arguments that all models share."""

import keras


def require_classes(num_classes):
    """Raises a ValueError unless the number of classes is a positive integer.

    It also raises one if Keras is configured for channels first, which no model here
    supports.
    """
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            "Models require channels last: images (batch, height, width, channels). "
            f"Received: image_data_format={data_format!r}. Call "
            'keras.config.set_image_data_format("channels_last") first.'
        )
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(
            "`num_classes` must be a positive integer; 1 is for two classes, predicted "
            f"by a sigmoid. Received: {num_classes=}"
        )
