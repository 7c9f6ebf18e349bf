from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_seg.layers.composite_layer import CompositeLayer
from keras_seg.layers.conv_norm import ConvNorm
from keras_seg.layers.data_format import require_channels_last
from keras_seg.layers.separable_conv_norm import SeparableConvNorm
from keras_seg.ops import adaptive_average_pool
from keras_seg.positive_integer import require_positive_integer
from keras_seg.sequence_argument import require_sequence


@keras.saving.register_keras_serializable(package="keras_seg")
class AtrousSpatialPyramidPooling(CompositeLayer):
    """Atrous spatial pyramid pooling (ASPP): context at several scales.

    Concatenates the projected mean of the whole map, a 1x1 convolution, and a 3x3
    convolution for each dilation rate, each with batch norm and ReLU. The 1x1
    convolution that follows in DeepLab is not included.

    Args:
        filters: int. The number of channels of each branch.
        dilation_rates: sequence of ints. DeepLab uses (6, 12, 18) at output stride 16
            and twice these at 8.
        separable: bool. Whether the 3x3 convolutions are depthwise separable.
        **kwargs: Base layer arguments, such as `name` and `dtype`.

    Input shape:
        `(batch, height, width, channels)`, with `channels` known.

    Output shape:
        `(batch, height, width, filters * (2 + len(dilation_rates)))`.

    Raises:
        ValueError: If `filters` or a rate is not a positive integer, if the input does
            not have rank 4, or if Keras is configured for `channels_first`.

    Example:
        ```python
        x = keras.ops.ones((2, 33, 45, 320))
        AtrousSpatialPyramidPooling(64)(x).shape  # (2, 33, 45, 320)
        ```

    References:
        [Chen et al., 2017](https://arxiv.org/abs/1706.05587), section 3.3, and [Chen et
        al., 2018](https://arxiv.org/abs/1802.02611), section 3.1.
    """

    def __init__(
        self,
        filters: int = 256,
        dilation_rates: Sequence[int] = (6, 12, 18),
        separable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_channels_last(self)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        filters = require_positive_integer("filters", filters)
        rates = tuple(
            require_positive_integer(f"dilation_rates[{index}]", rate)
            for index, rate in enumerate(
                require_sequence("dilation_rates", dilation_rates, "positive integers")
            )
        )
        self.filters = filters
        self.dilation_rates = rates
        self.separable = separable
        policy = self.dtype_policy  # sublayers do not inherit it
        self.image_branch = ConvNorm(filters, 1, dtype=policy, name="image_branch")
        self.point_branch = ConvNorm(filters, 1, dtype=policy, name="point_branch")
        conv = SeparableConvNorm if separable else ConvNorm
        self.dilated_branches = [
            conv(
                filters,
                3,
                dilation_rate=rate,
                dtype=policy,
                name=f"dilated_branch_{index}",
            )
            for index, rate in enumerate(rates)
        ]

    def build(self, input_shape):
        batch, *_, channels = input_shape
        self.image_branch.build((batch, 1, 1, channels))
        for branch in (self.point_branch, *self.dilated_branches):
            branch.build(input_shape)
        self.restore_frozen()

    def call(self, inputs, training=None):
        mean = adaptive_average_pool(inputs, (1, 1))
        image = self.image_branch(mean, training=training)
        image = ops.broadcast_to(image, (*ops.shape(inputs)[:3], self.filters))
        branches = (self.point_branch, *self.dilated_branches)
        maps = [branch(inputs, training=training) for branch in branches]
        return ops.concatenate([image, *maps], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters * (2 + len(self.dilation_rates)))

    def get_config(self):
        return super().get_config() | {
            "filters": self.filters,
            "dilation_rates": self.dilation_rates,
            "separable": self.separable,
        }
