"""The precision in which the mathematics is done."""

import keras
from keras import ops


def at_least_float32(x):
    """`x` in float32, or in its own dtype where that is wider.

    Sums over a feature map overflow float16 and lose most digits in bfloat16, and
    interpolation weights have more digits than either holds. So the ops compute in
    float32 under mixed precision and give back the dtype that they received.
    """
    return ops.cast(x, wide_dtype(x))


def wide_dtype(x):
    """The dtype of `at_least_float32(x)`."""
    # Not Keras's `result_type`, which has no float64 on the JAX and PyTorch backends.
    is_wider = keras.backend.standardize_dtype(x.dtype) == "float64"
    return "float64" if is_wider else "float32"


def widest_integers():
    """The dtype to count in: "int64", but "int32" on JAX unless its 64 bits are on."""
    if keras.backend.backend() == "jax":
        import jax

        return "int64" if jax.config.jax_enable_x64 else "int32"
    return "int64"
