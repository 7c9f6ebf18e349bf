"""Checks of arguments that all models share."""

import keras

from keras_seg.models.network_info import network_info


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


def require_one_class(model):
    """Raises a ValueError if a model predicts independent classes.

    Files and pictures of class maps have one class in each pixel.
    """
    if network_info(model).independent_classes:
        raise ValueError(
            "The model must predict one class for each pixel here. Received: "
            f"{model.name!r}, whose classes are independent: use "
            "keras_seg.inference.predict and evaluate, which handle a mask for each "
            "class."
        )
