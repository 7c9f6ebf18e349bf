"""Start indices of slices."""

from keras import ops


def indices(*starts):
    """Converts ints and scalar integer tensors to start indices of `keras.ops.slice`.

    JAX requires a single dtype, and converts ints to int64 if 64 bits are enabled.
    """
    return [ops.cast(start, "int32") for start in starts]
