"""Key tables of whole networks, and what they stand for in a model."""

from keras_seg.checkpoints import released_keys


def prefixed(table, prefix):
    """A dict with something before all of its keys."""
    return {f"{prefix}{key}": value for key, value in table.items()}


def inside(table, model_name):
    """A table of a model, for the model that it is a layer of."""
    return {key: f"{model_name}/{place}" for key, place in table.items()}


def resolve(table, model):
    """The layers of a model that a table speaks of.

    Parts that the model lacks, such as an auxiliary head, are left out; what is in the
    model and not in the table is found by `torch_layers.fill`.

    Args:
        table: dict `{original key: place}`. A place is a layer's name, or several for
            layers of models in the model, joined by "/"; attributes and indices of the
            layer follow with dots: "backbone/conv1_conv", "aspp.dilated_branches.0".
            The layers of the papers, such as `StripPooling`, have tables of their own,
            and the key before them ends with a dot, or is empty.
        model: functional `keras.Model`.

    Returns:
        Pair of dicts: `{original key: Keras layer or variable}`, and `{original key:
        array}` of fixed tables.
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
    """What is at a place of a model, or None where the model has no such layer."""
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
