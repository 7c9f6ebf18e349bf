"""Key tables of whole networks, and their resolution to the layers of a model."""

from keras_seg.checkpoints import released_keys


def prefixed(table, prefix):
    """Returns a dict with a prefix before all keys."""
    return {f"{prefix}{key}": value for key, value in table.items()}


def inside(table, model_name):
    """Returns a model's table for the model that it is nested in."""
    return {key: f"{model_name}/{place}" for key, place in table.items()}


def resolve(table, model):
    """Returns the layers of a model that a key table refers to.

    Parts that the model lacks, such as an auxiliary head, are left out. Layers that the
    table lacks are reported by `torch_layers.fill`.

    Args:
        table: dict `{original key: place}`. A place is the name of a layer, or the
            names of nested models and a layer in them joined by "/", followed by
            attributes and indices with dots: "backbone/conv1_conv",
            "aspp.dilated_branches.0". The papers' layers, such as `StripPooling`, have
            their own tables; the key in front of them ends with a dot or is empty.
        model: functional `keras.Model`.

    Returns:
        Pair of dicts: `{original key: Keras layer or variable}`, and
        `{original key: array}` of fixed tables.
    """
    layers, fixed = {}, {}
    for key, place in table.items():
        part = _find(model, place)
        if part is None:
            continue
        if type(part) not in released_keys.BY_CLASS:
            layers[key] = part
            continue
        layers |= prefixed(released_keys.BY_CLASS[type(part)](part), key)
        fixed |= prefixed(released_keys.fixed_tables(part), key)
    return layers, fixed


def _find(model, place):
    """Returns the layer or variable at a place, or None if the model lacks it."""
    names, *attributes = place.split(".")
    part = model
    for name in names.split("/"):
        part = next((layer for layer in part.layers if layer.name == name), None)
        if part is None:
            return None
    for attribute in attributes:
        is_index = attribute.isdecimal()
        part = part[int(attribute)] if is_index else getattr(part, attribute)
    return part
