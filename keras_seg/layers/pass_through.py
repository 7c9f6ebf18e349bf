"""What the layers share that say something about a tensor and leave it as it is."""

import keras


class PassThrough(keras.layers.Layer):
    """Gives what it takes, of any shape and dtype.

    Args:
        **kwargs: Base layer arguments, such as `name`.
    """

    def __init__(self, **kwargs):
        # Under mixed precision too, tensors keep the dtype that they came with.
        super().__init__(autocast=False, **kwargs)

    def build(self, input_shape):
        pass

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape
