"""Checks of arguments that several models share."""

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
    is_integer = isinstance(num_classes, int) and not isinstance(num_classes, bool)
    if not is_integer or num_classes < 1:
        raise ValueError(
            "`num_classes` must be a positive integer; 1 is for two classes, predicted "
            f"by a sigmoid. Received: {num_classes=}"
        )


def require_level_for_auxiliary_head(levels, pyramid):
    """Raises a ValueError if there is no level before the last one.

    Args:
        levels: list of the levels before the last one.
        pyramid: feature pyramid, for the error.
    """
    if not levels:
        raise ValueError(
            "`auxiliary_head` requires a backbone with two levels or more. "
            f"Received: {pyramid.name!r} with {sorted(pyramid.output)}"
        )
