import keras
from keras import ops

from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import feature_affinity, pool_windows
from keras_seg.ops.precision import wide_dtype
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class FeatureAffinity(keras.layers.Layer):
    """How differently two feature maps see which pixels are alike (DSRL).

    Both maps are average pooled. The result is the mean over all pairs of pixels of
    `|s_seg - s_sr| ** order`, with s the cosine similarity of the features of two
    pixels. A model has it as an output, for `keras_seg.losses.OutputLoss`.

    Args:
        order: 1, as the paper writes, or 2, which is faster by far on large maps: see
            `keras_seg.ops.feature_affinity`.
        subscale: int. The maps are pooled by this in both directions, or by their size
            where that is smaller; rows and columns at the end that do not fill a window
            are left out. 1 takes them as they are.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: pair of float tensors `(batch, height, width, channels)`, of one size
            and any numbers of channels.

    Output shape: `(batch,)`, float32 or wider.

    Example:

    ```python
    seg, sr = keras.random.normal((2, 64, 64, 32)), keras.random.normal((2, 64, 64, 3))
    FeatureAffinity()([seg, sr]).shape  # (2,)
    ```

    Raises:
        ValueError: If `order` is neither 1 nor 2, if `subscale` is not a positive
            integer, or if the maps are of two sizes.

    Reference: Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation",
    CVPR 2020, the feature affinity loss.
    """

    def __init__(self, order=1, subscale=8, **kwargs):
        super().__init__(**kwargs)
        require_channels_last(self)
        if order not in (1, 2):
            raise ValueError(f"`order` must be 1 or 2. Received: {order=}")
        require_positive_integer("subscale", subscale)
        self.order = order
        self.subscale = subscale

    def call(self, inputs):
        self.compute_output_shape([x.shape for x in inputs])
        a, b = (_in_line(pool_windows(x, self.subscale)) for x in inputs)
        return feature_affinity(a, b, self.order)

    def compute_output_shape(self, input_shape):
        a, b = input_shape
        for one, other in zip(a[1:3], b[1:3], strict=True):
            if None not in (one, other) and one != other:
                raise ValueError(
                    "Both maps must have the same height and width. "
                    f"Received shapes: {tuple(a)} and {tuple(b)}"
                )
        return tuple(a[:1])

    def compute_output_spec(self, inputs):
        # float32 under mixed precision too.
        shape = self.compute_output_shape([x.shape for x in inputs])
        return keras.KerasTensor(shape, wide_dtype(inputs[0]))

    def get_config(self):
        return super().get_config() | {"order": self.order, "subscale": self.subscale}


def _in_line(x):
    """Without rows and columns, `(batch, rows * columns, channels)`."""
    batch, rows, columns, channels = ops.shape(x)
    return ops.reshape(x, (batch, rows * columns, channels))
