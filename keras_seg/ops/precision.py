"""Dtypes for computing and counting."""

import keras
from keras import ops


def at_least_float32(x):
    """Casts `x` to float32, unless its dtype is wider.

    Sums over a feature map overflow float16 and lose most digits in bfloat16, and
    neither can represent interpolation weights exactly. The ops therefore compute in
    float32 under mixed precision and return the dtype of their input.
    """
    return ops.cast(x, wide_dtype(x))


def wide_dtype(x):
    """Returns the dtype of `at_least_float32(x)`."""
    # Not Keras's `result_type`, which has no float64 on the JAX and PyTorch backends.
    is_wider = keras.backend.standardize_dtype(x.dtype) == "float64"
    return "float64" if is_wider else "float32"


def widest_integers():
    """Returns the dtype for counts: "int64", or "int32" on JAX without 64 bits."""
    if keras.backend.backend() == "jax":
        import jax

        return "int64" if jax.config.jax_enable_x64 else "int32"
    return "int64"
