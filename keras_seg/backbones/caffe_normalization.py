import keras
from keras import ops

_MEANS = 103.939, 116.779, 123.68  # ImageNet's blue, green and red, as Caffe has them


@keras.saving.register_keras_serializable(package="keras_seg")
class CaffeNormalization(keras.layers.Layer):
    """Brings RGB images to the form that networks trained in Caffe expect.

    The channels are exchanged to blue, green and red, and ImageNet's means subtracted,
    as `keras.applications.resnet.preprocess_input` does. Values are not scaled.

    Args:
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape: `(batch, height, width, 3)`, RGB in 0..255.
    Output shape: The same.

    Example: `CaffeNormalization()(images)`
    """

    def call(self, x):
        return ops.flip(x, axis=-1) - ops.convert_to_tensor(_MEANS, dtype=x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
