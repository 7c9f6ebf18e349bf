"""Access to private attributes of Keras.

The package uses private attributes only in this file. `tests/test_keras_private.py`
names those that are missing in another version of Keras.
"""

import keras

# --- Graphs ---------------------------------------------------------------------------


def calls(function):
    """Yields operation, arguments and outputs of each call, in execution order.

    Args:
        function: `keras.Function`.

    Yields:
        Tuple of the operation, the pair of its args and kwargs, and the list of its
        output tensors.
    """
    # Keras has no public way to list the calls of a graph.
    for depth in sorted(function._nodes_by_depth, reverse=True):
        for node in function._nodes_by_depth[depth]:
            if not node.is_input:
                arguments = (node.arguments.args, node.arguments.kwargs)
                yield node.operation, arguments, node.outputs


# --- Layers ---------------------------------------------------------------------------


def layers_within(layer):
    """Returns a layer or model and all layers within it, at every depth."""
    return list(layer._flatten_layers())


def freeze_inside(layer, original):
    """Freezes the layers inside a copy of a layer like those of the original.

    A copy makes the layers inside anew, and Keras stores `trainable` only for layers
    that have a configuration of their own: those of a frozen attention would train.

    Args:
        layer: built copy of `original`.
        original: layer or model.
    """
    pairs = zip(layers_within(layer), layers_within(original), strict=False)
    for inner, counterpart in pairs:
        if not counterpart.trainable:
            inner.trainable = False


def takes_training(layer):
    """Returns whether the `call` of a layer has the argument `training`."""
    return layer._call_has_training_arg


def copy_lambda(layer, name):
    """Returns a copy of a `keras.layers.Lambda` with the same function.

    A function restored from the configuration loses the names it refers to, and Keras
    refuses to restore it.
    """
    return keras.layers.Lambda(
        layer.function,
        layer._output_shape,
        layer.mask,
        layer.arguments,
        name=name,
        dtype=layer.dtype_policy,
    )


def without_autocast():
    """Context manager in which variables have the dtype in which they are stored.

    Within the `call` of a layer with another compute dtype, Keras casts them.
    """
    from keras.src.backend import AutocastScope

    return AutocastScope(None)


# --- Batch norms ----------------------------------------------------------------------


def replace_moments(norm, moments):
    """Replaces the function that computes the moments of a batch norm.

    Args:
        norm: `keras.layers.BatchNormalization`.
        moments: function `(inputs, mask) -> (mean, variance)`.
    """
    norm._moments = moments


def own_moments(norm, inputs, mask):
    """Returns mean and variance as computed by the class of a batch norm."""
    return type(norm)._moments(norm, inputs, mask)


def moments_axes(norm):
    """Returns the axes over which a batch norm computes its moments."""
    return norm._reduction_axes


# --- Training -------------------------------------------------------------------------


def start_at_epoch(model, epoch):
    """Makes a `fit` that has started resume at an epoch, like `BackupAndRestore`.

    Args:
        model: `keras.Model`.
        epoch: int, or None for no other epoch than that of `fit`.
    """
    model._initial_epoch = epoch


def draws_to_build():
    """Returns whether `fit` under a strategy draws a batch to build the model with."""
    return hasattr(keras.Model, "_symbolic_build")


def weight_averages(optimizer):
    """Returns the moving averages that an optimizer with `use_ema=True` keeps."""
    return optimizer._model_variables_moving_average


def averages_one_by_one():
    """Returns whether Keras assigns the average of each weight by itself.

    In Keras 2, a strategy updates all of them.
    """
    return hasattr(keras.optimizers.Optimizer, "_backend_apply_gradients")


def clips_each_replica():
    """Returns whether Keras clips gradients before it sums them over the replicas.

    Keras 2 clips the sums.
    """
    return hasattr(keras.optimizers.Optimizer, "_all_reduce_sum_gradients")


def variable_index(optimizer, variable):
    """Returns the index of a variable in an optimizer's lists of slot variables."""
    return optimizer._get_variable_index(variable)


def is_decayed(optimizer, variable):
    """Returns whether an optimizer applies its weight decay to a variable."""
    return optimizer._use_weight_decay(variable)
