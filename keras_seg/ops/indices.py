"""Where blocks of a tensor begin."""

from keras import ops


def indices(*starts):
    """Ints and scalar integer tensors as what `keras.ops.slice` begins at.

    JAX wants all of one dtype, and with 64 bits enabled an int is no int32 to it.
    """
    return [ops.cast(start, "int32") for start in starts]
