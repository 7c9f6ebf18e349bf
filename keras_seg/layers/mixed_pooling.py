import warnings
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import keras
from keras import ops

from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.data_format import require_channels_last
from keras_seg.ops import adaptive_average_pool, resize_bilinear, strip_pool


@keras.saving.register_keras_serializable(package="keras_seg")
class MixedPooling(CompositeLayer):
    """Mixed pooling module: context from square and strip pooling (SPNet's MPM).

    Has two branches, each on a 1x1 reduction of the input to a quarter of its channels:

    - short range: sums the reduction and its averages over coarse grids, each after a
      3x3 convolution and resized back;
    - long range: sums its row and column averages, each after a 3-tap convolution along
      the strip.

    Both sums pass ReLU and a 3x3 convolution. A 1x1 convolution reduces their
    concatenation to the input's channels, and the input is added.

    The authors' code calls this module `StripPooling`.

    Args:
        pool_sizes: tuple or list of grids, each an int `n` for `n` x `n` bins or a pair
            `(rows, columns)`. The paper's 20 and 12 suit the 60 x 60 features of its
            480 x 480 crops. Bins overlap unless the grid divides the features evenly.
        align_corners: bool. How the pooled maps are resized back; True in the release.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`, with `channels` divisible by 4.

    Output shape:
        Same as the input.

    Raises:
        ValueError: If `pool_sizes` is not a tuple or a list of positive integers or
            pairs of them, if the input does not have rank 4, if the channels are
            unknown or not divisible by 4, or if Keras is configured for
            `channels_first`.

    Warns:
        UserWarning: If a grid has more bins than the features have cells. The pooling
            then repeats cells, as in PyTorch.

    Example:
        ```python
        x = keras.random.normal((2, 45, 60, 64))
        MixedPooling(pool_sizes=((15, 20), (9, 12)))(x).shape  # (2, 45, 60, 64)
        ```

    References:
        [Hou et al., 2020](https://arxiv.org/abs/2003.13328), section 3.2 and figure 3;
        widths and norms follow the released code.
    """

    def __init__(
        self,
        pool_sizes: Sequence[int | Sequence[int]] = (20, 12),
        align_corners: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        if not isinstance(pool_sizes, (tuple, list)):
            raise ValueError(
                "`pool_sizes` must be a tuple or a list of integers or pairs. "
                f"Received: {pool_sizes=}"
            )
        self.grids = tuple(_grid(size, pool_sizes) for size in pool_sizes)
        self.pool_sizes = pool_sizes
        self.align_corners = align_corners

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels is None or channels % 4:
            raise ValueError(
                "The input's channels must be known and divisible by 4. "
                f"Received: {input_shape=}"
            )
        quarter = channels // 4
        policy = self.dtype_policy

        def conv(filters, kernel_size, activation, name):
            return ConvNorm(filters, kernel_size, activation, dtype=policy, name=name)

        self.grid_reduction = conv(quarter, 1, "relu", "grid_reduction")
        self.strip_reduction = conv(quarter, 1, "relu", "strip_reduction")
        self.full_conv = conv(quarter, 3, None, "full_conv")
        self.grid_convs = [
            conv(quarter, 3, None, f"grid_conv_{index}")
            for index in range(len(self.grids))
        ]
        self.column_conv = conv(quarter, (1, 3), None, "column_conv")
        self.row_conv = conv(quarter, (3, 1), None, "row_conv")
        self.grid_merge = conv(quarter, 3, "relu", "grid_merge")
        self.strip_merge = conv(quarter, 3, "relu", "strip_merge")
        self.projection = conv(channels, 1, None, "projection")

        batch, height, width, _ = input_shape
        self.grid_reduction.build(input_shape)
        self.strip_reduction.build(input_shape)
        reduced = (batch, height, width, quarter)
        self.full_conv.build(reduced)
        for grid_conv, grid in zip(self.grid_convs, self.grids, strict=True):
            grid_conv.build((batch, *grid, quarter))
        self.column_conv.build((batch, 1, width, quarter))
        self.row_conv.build((batch, height, 1, quarter))
        self.grid_merge.build(reduced)
        self.strip_merge.build(reduced)
        self.projection.build((batch, height, width, 2 * quarter))
        self.restore_frozen()

    def call(self, inputs, training=None):
        self._warn_of_upsampling(inputs.shape)
        size = ops.shape(inputs)[1:3]

        x = self.grid_reduction(inputs, training=training)
        near = self.full_conv(x, training=training)
        for grid_conv, grid in zip(self.grid_convs, self.grids, strict=True):
            pooled = grid_conv(adaptive_average_pool(x, grid), training=training)
            near = near + resize_bilinear(pooled, size, self.align_corners)
        near = self.grid_merge(ops.relu(near), training=training)

        x = self.strip_reduction(inputs, training=training)
        rows, columns = strip_pool(x)
        rows = self.row_conv(rows, training=training)
        columns = self.column_conv(columns, training=training)
        far = self.strip_merge(ops.relu(rows + columns), training=training)

        both = ops.concatenate([near, far], axis=-1)
        return ops.relu(inputs + self.projection(both, training=training))

    def _warn_of_upsampling(self, shape):
        _, height, width, _ = shape
        for grid in self.grids:
            cells = (height or grid[0], width or grid[1])  # no warning if unknown
            if grid[0] > cells[0] or grid[1] > cells[1]:
                warnings.warn(
                    f"{self.name}: a pooling grid of {grid[0]} x {grid[1]} bins over "
                    f"features of {height} x {width} cells repeats cells instead of "
                    "pooling them. Use grids of at most "
                    f"{min(grid[0], cells[0])} x {min(grid[1], cells[1])} bins. "
                    f"Received: pool_sizes={self.pool_sizes}",
                    stacklevel=2,
                )

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "pool_sizes": self.pool_sizes,
            "align_corners": self.align_corners,
        }


def _grid(size, pool_sizes):
    """Returns one entry of `pool_sizes` as `(rows, columns)`."""
    grid = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(grid) != 2 or not all(isinstance(n, Integral) and n > 0 for n in grid):
        raise ValueError(
            "Each of `pool_sizes` must be a positive integer or a pair of them. "
            f"Received: {pool_sizes=}"
        )
    return int(grid[0]), int(grid[1])
