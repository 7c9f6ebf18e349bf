import keras

from keras_seg._keras_private import layers_within

_NARROW = ("float16", "bfloat16")


def float32_network(network):
    """Returns a float32 copy of a network in mixed or half precision.

    Args:
        network: functional `keras.Model`.

    Returns:
        A copy with the same weights whose layers all compute in float32, or `network`
        itself if they already do.

    Example:
        `float32_network(model).compute_dtype` is "float32".
    """
    dtypes = {layer.compute_dtype for layer in layers_within(network)}
    if not dtypes & set(_NARROW):
        return network
    config = keras.saving.serialize_keras_object(network)
    # The functions and classes of the network are here; they need not be registered.
    known = {type(layer).__name__: type(layer) for layer in layers_within(network)}
    copy = keras.saving.deserialize_keras_object(
        _in_float32(config), custom_objects=known, safe_mode=False
    )
    copy.set_weights(network.get_weights())
    return copy


def _in_float32(config):
    """Returns a serialized configuration, not compiled, with float32 policies."""
    if isinstance(config, dict):
        return {
            key: _in_float32(value)
            for key, value in config.items()
            if key != "compile_config"
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_in_float32(value) for value in config)
    if config in (*_NARROW, *(f"mixed_{name}" for name in _NARROW)):
        return "float32"
    return config
