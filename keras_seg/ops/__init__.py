"""Pure functions on tensors: the mathematics of the layers and losses."""

from keras_seg.ops.pooling import adaptive_average_pool, strip_pool
from keras_seg.ops.replicas import sum_over_replicas
from keras_seg.ops.resizing import resize_bilinear
from keras_seg.ops.xla import set_xla, xla_op, xla_scope

__all__ = [
    "adaptive_average_pool",
    "resize_bilinear",
    "set_xla",
    "strip_pool",
    "sum_over_replicas",
    "xla_op",
    "xla_scope",
]
