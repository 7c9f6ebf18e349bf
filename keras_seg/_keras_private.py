"""What this package reads of Keras that Keras does not promise to keep.

All of it is here, by subject; `tests/test_keras_private.py` fails, and names what is
missing, where another Keras has moved it.
"""

# --- Graphs ---------------------------------------------------------------------------


def calls(function):
    """Operation, arguments and outputs of each call, in an order in which they can run.

    Args:
        function: `keras.Function`.

    Yields:
        Operation, pair of its args and kwargs, list of output tensors.
    """
    # Keras has no public way to list the calls of a graph.
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if not node.is_input:
                arguments = (node.arguments.args, node.arguments.kwargs)
                yield node.operation, arguments, node.outputs


# --- Layers ---------------------------------------------------------------------------


def layers_within(layer):
    """A layer or model and all layers within it, at every depth."""
    return list(layer._flatten_layers())


def takes_training(layer):
    """Whether the `call` of a layer has the argument `training`."""
    return layer._call_has_training_arg


def lambda_output_shape(layer):
    """The `output_shape` that a `keras.layers.Lambda` was given."""
    return layer._output_shape


# --- Batch norms ----------------------------------------------------------------------


def replace_moments(norm, moments):
    """Lets a batch norm take mean and variance from another function.

    Args:
        norm: `keras.layers.BatchNormalization`.
        moments: function `(inputs, mask) -> (mean, variance)`.
    """
    norm._moments = moments


def own_moments(norm, inputs, mask):
    """Mean and variance as the class of a batch norm works them out."""
    return type(norm)._moments(norm, inputs, mask)


def moments_axes(norm):
    """The axes over which a batch norm takes its moments."""
    return norm._reduction_axes


# --- Training -------------------------------------------------------------------------


def start_at_epoch(model, epoch):
    """Lets the `fit` that has begun go on at an epoch, as BackupAndRestore does."""
    model._initial_epoch = epoch


def variable_index(optimizer, variable):
    """The place of a variable in an optimizer's lists of what it keeps for each."""
    return optimizer._get_variable_index(variable)


def is_decayed(optimizer, variable):
    """Whether an optimizer applies its weight decay to a variable."""
    return optimizer._use_weight_decay(variable)
