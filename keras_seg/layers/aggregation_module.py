from typing import Any

import keras

from keras_seg.layers.batch_normalization import BatchNormalization
from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.data_format import require_channels_last
from keras_seg.positive_integer import require_positive_integer


@keras.saving.register_keras_serializable(package="keras_seg")
class AggregationModule(CompositeLayer):
    """Aggregates local context with large separable kernels (CPNet).

    A 3x3 convolution with batch norm and ReLU reduces the channels. Two parallel pairs
    of depthwise convolutions follow, `(k, 1)` then `(1, k)` and in reverse order; batch
    norm and ReLU are applied to their sum.

    Args:
        filters: int. The number of output channels.
        kernel_size: odd int. `k` above; 11 in the paper.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`, with `channels` known.

    Output shape:
        `(batch, height, width, filters)`.

    Raises:
        ValueError: If `filters` is not a positive integer, if `kernel_size` is not a
            positive odd integer, if the input does not have rank 4, or if Keras is
            configured for `channels_first`.

    Example:
        ```python
        x = keras.random.normal((2, 12, 10, 64))
        AggregationModule(filters=16)(x).shape  # (2, 12, 10, 16)
        ```

    References:
        [Yu et al., 2020](https://arxiv.org/abs/2004.01547), section 3.4; the biases
        follow the released code.
    """

    def __init__(self, filters: int, kernel_size: int = 11, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        filters = require_positive_integer("filters", filters)
        if not isinstance(kernel_size, int) or kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                "`kernel_size` must be a positive odd integer. "
                f"Received: {kernel_size=}"
            )
        self.filters = filters
        self.kernel_size = kernel_size
        policy = self.dtype_policy  # sublayers do not inherit it

        def by_channel(size, name):
            return keras.layers.DepthwiseConv2D(
                size, padding="same", dtype=policy, name=name
            )

        column, row = (kernel_size, 1), (1, kernel_size)
        self.reduction = ConvNorm(filters, 3, dtype=policy, name="reduction")
        self.column_first = [
            by_channel(column, "column_first_column"),
            by_channel(row, "column_first_row"),
        ]
        self.row_first = [
            by_channel(row, "row_first_row"),
            by_channel(column, "row_first_column"),
        ]
        self.norm = BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=policy, name="norm"
        )
        self.relu = keras.layers.ReLU(dtype=policy)

    def build(self, input_shape):
        self.reduction.build(input_shape)
        shape = self.compute_output_shape(input_shape)
        for layer in (*self.column_first, *self.row_first, self.norm):
            layer.build(shape)
        self.restore_frozen()

    def call(self, inputs, training=None):
        columns = rows = self.reduction(inputs, training=training)
        for layer in self.column_first:
            columns = layer(columns)
        for layer in self.row_first:
            rows = layer(rows)
        return self.relu(self.norm(columns + rows, training=training))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }
