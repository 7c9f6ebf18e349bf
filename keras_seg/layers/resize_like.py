import keras
from keras import ops

from keras_seg.ceil_division import ceil_division
from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import resize_bilinear


@keras.saving.register_keras_serializable(package="keras_seg")
class ResizeLike(keras.layers.Layer):
    """Resizes a feature map bilinearly to the height and width of another tensor.

    What heads end with: logits to the size of the image. Sizes may be unknown until
    run time, which `keras.layers.Resizing` does not allow in a graph.

    Args:
        align_corners: bool. See `keras_seg.ops.resize_bilinear`.
        multiple: int. For maps of an image that was padded at the bottom and right to a
            multiple of it: they are resized to that size, then cropped.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: pair `[x, reference]` with `x (batch, h, w, channels)` and `reference
            (batch, height, width, any)`.

    Output shape: `(batch, height, width, channels)`.

    Example:

    ```python
    image, logits = keras.ops.ones((2, 33, 47, 3)), keras.ops.ones((2, 5, 6, 11))
    ResizeLike()([logits, image]).shape  # (2, 33, 47, 11)
    ```

    Raises:
        ValueError: If Keras is configured for `channels_first`.
    """

    def __init__(self, align_corners=False, multiple=1, **kwargs):
        super().__init__(**kwargs)
        require_channels_last(self)
        self.align_corners = align_corners
        self.multiple = multiple

    def call(self, inputs):
        x, reference = inputs
        height, width = ops.shape(reference)[1:3]
        multiple = self.multiple
        padded = [ceil_division(n, multiple) * multiple for n in (height, width)]
        x = resize_bilinear(x, padded, self.align_corners)
        # Sizes that are known need no slice, whose gradient would be a copy.
        is_whole = all(isinstance(n, int) for n in padded) and padded == [height, width]
        return x if self.multiple == 1 or is_whole else x[:, :height, :width]

    def compute_output_shape(self, input_shape):
        x, reference = input_shape
        return (x[0], *reference[1:3], x[3])

    def get_config(self):
        return super().get_config() | {
            "align_corners": self.align_corners,
            "multiple": self.multiple,
        }
