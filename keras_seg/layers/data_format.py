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
