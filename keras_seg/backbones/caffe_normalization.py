import keras
from keras import ops

_MEANS = 103.939, 116.779, 123.68  # of ImageNet's blue, green and red, as in Caffe


@keras.saving.register_keras_serializable(package="keras_seg")
class CaffeNormalization(keras.layers.Layer):
    """Converts RGB images to the input that networks trained in Caffe expect.

    The channels are reordered to blue, green, red, and ImageNet's channel means are
    subtracted, as in `keras.applications.resnet.preprocess_input`. Values are not
    scaled.

    Args:
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, 3)`, RGB in 0..255.

    Output shape:
        Same as the input.

    Example:
        ```python
        CaffeNormalization()(images)
        ```
    """

    def call(self, x):
        return ops.flip(x, axis=-1) - ops.convert_to_tensor(_MEANS, dtype=x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
