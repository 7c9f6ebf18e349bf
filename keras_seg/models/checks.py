"""Checks of arguments that several models share."""

import keras

from keras_seg.positive_integer import require_positive_integer


def require_classes(num_classes):
    """Returns the number of classes as an int.

    Raises:
        ValueError: If it is not a positive integer, or if Keras is configured for
            channels first, which no model here supports.
    """
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            "Models require channels last: images (batch, height, width, channels). "
            f"Received: image_data_format={data_format!r}. Call "
            'keras.config.set_image_data_format("channels_last") first.'
        )
    return require_positive_integer("num_classes", num_classes)


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
