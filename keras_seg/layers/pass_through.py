"""Base class of the layers that mark a tensor and leave it unchanged."""

import keras


class PassThrough(keras.layers.Layer):
    """Returns its input unchanged, of any shape and dtype.

    Args:
        **kwargs: Base layer arguments, such as `name`.
    """

    def __init__(self, **kwargs):
        # Without autocast, tensors keep their dtype under mixed precision too.
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape):
        pass

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, inputs.dtype)
