"""Checks of the data format and channels of layer inputs."""

import keras


def require_channels_last(layer):
    """Raises a ValueError if Keras is configured for `channels_first`."""
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            f"{type(layer).__name__} supports only channels_last feature maps "
            "(batch, height, width, channels). Received: "
            f"image_data_format={data_format!r}. "
            'Call keras.config.set_image_data_format("channels_last") first.'
        )


def require_known_channels(input_shape):
    """Raises a ValueError if the last axis of a layer's input is unknown."""
    if input_shape[-1] is None:
        raise ValueError(
            "The last axis of the input, the channels, must be known. "
            f"Received: {input_shape=}"
        )
