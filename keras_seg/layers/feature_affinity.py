from typing import Any

import keras
from keras import ops

from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import feature_affinity, pool_windows
from keras_seg.ops.precision import wide_dtype
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class FeatureAffinity(keras.layers.Layer):
    """Feature-affinity distance between two feature maps (DSRL).

    Averages both maps over windows and returns the mean over all pairs of positions of
    `|s_seg - s_sr| ** order`, where s is the cosine similarity of the features at two
    positions. Use it as an output of a model, with `keras_seg.losses.OutputLoss`.

    Args:
        order: 1, as in the paper, or 2, which is much faster on large maps; see
            `keras_seg.ops.feature_affinity`.
        subscale: int. The side of the pooling windows, limited to the size of the map.
            Rows and columns at the end that do not fill a window are dropped. 1
            disables the pooling.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Output shape:
        `(batch,)`, float32 or wider.

    Call arguments:
        inputs: pair of float tensors `(batch, height, width, channels)`; only their
            numbers of channels may differ.

    Raises:
        ValueError: If `order` is neither 1 nor 2, if `subscale` is not a positive
            integer, if the inputs are not two tensors of rank 4, or if the maps differ
            in batch size, height or width.

    Example:
        ```python
        seg = keras.random.normal((2, 64, 64, 32))
        sr = keras.random.normal((2, 64, 64, 3))
        FeatureAffinity()([seg, sr]).shape  # (2,)
        ```

    References:
        Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation", CVPR
        2020, the feature affinity loss.
    """

    def __init__(self, order: int = 1, subscale: int = 8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = [keras.layers.InputSpec(ndim=4)] * 2
        if order not in (1, 2):
            raise ValueError(f"`order` must be 1 or 2. Received: {order=}")
        subscale = require_positive_integer("subscale", subscale)
        self.order = order
        self.subscale = subscale

    def call(self, inputs):
        self.compute_output_shape([x.shape for x in inputs])
        a, b = (_in_line(pool_windows(x, self.subscale)) for x in inputs)
        return feature_affinity(a, b, self.order)

    def compute_output_shape(self, input_shape):
        a, b = input_shape
        for one, other in zip(a[:3], b[:3], strict=True):
            if None not in (one, other) and one != other:
                raise ValueError(
                    "Both maps must have the same batch size, height and width. "
                    f"Received shapes: {tuple(a)} and {tuple(b)}"
                )
        return tuple(a[:1])

    def compute_output_spec(self, inputs):
        # The result is float32 under mixed precision too.
        shape = self.compute_output_shape([x.shape for x in inputs])
        return keras.KerasTensor(shape, wide_dtype(inputs[0]))

    def get_config(self):
        return super().get_config() | {"order": self.order, "subscale": self.subscale}


def _in_line(x):
    """Flattens rows and columns to `(batch, rows * columns, channels)`."""
    batch, rows, columns, channels = ops.shape(x)
    return ops.reshape(x, (batch, rows * columns, channels))
