"""Pure functions on tensors: the mathematics of the layers and losses."""

from keras_seg.ops.affinity import affinity_loss, sample_labels
from keras_seg.ops.context import prior_context
from keras_seg.ops.feature_affinity import feature_affinity, normalize_features
from keras_seg.ops.fused_prior import fused_prior
from keras_seg.ops.hard_pixels import hard_pixels
from keras_seg.ops.labels import two_class_logits, valid_pixels
from keras_seg.ops.lovasz import lovasz_loss
from keras_seg.ops.pooling import (
    adaptive_average_pool,
    adaptive_max_pool,
    pool_windows,
    strip_pool,
)
from keras_seg.ops.positions import coarse_positions, row_positions, sinusoidal_table
from keras_seg.ops.resizing import resize_bilinear
from keras_seg.ops.tversky import tversky_loss
from keras_seg.ops.xla import set_xla, xla_scope

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "affinity_loss",
    "coarse_positions",
    "feature_affinity",
    "fused_prior",
    "hard_pixels",
    "lovasz_loss",
    "normalize_features",
    "pool_windows",
    "prior_context",
    "resize_bilinear",
    "row_positions",
    "sample_labels",
    "set_xla",
    "sinusoidal_table",
    "strip_pool",
    "tversky_loss",
    "two_class_logits",
    "valid_pixels",
    "xla_scope",
]
