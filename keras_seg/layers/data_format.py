"""The data format that the layers work in."""

import keras


def require_channels_last(layer):
    """Raises a ValueError where Keras is configured to put channels first."""
    data_format = keras.config.image_data_format()
    if data_format != "channels_last":
        raise ValueError(
            f"{type(layer).__name__} works on channels_last feature maps "
            "(batch, height, width, channels). Received: "
            f"image_data_format={data_format!r}. "
            'Call keras.config.set_image_data_format("channels_last") first.'
        )


def require_known_channels(input_shape):
    """Raises a ValueError where the last axis of a layer's input is unknown."""
    if input_shape[-1] is None:
        raise ValueError(
            "The last axis of the input, the channels, must be known. "
            f"Received: {input_shape=}"
        )
