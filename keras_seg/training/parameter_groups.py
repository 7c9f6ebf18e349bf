"""Learning rates and weight decays by parameter group."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

from keras import ops

from keras_seg._keras_private import (
    averages_one_by_one,
    clips_each_replica,
    is_decayed,
    variable_index,
    weight_averages,
)
from keras_seg.ops.replicas import num_replicas
from keras_seg.ops.xla import tensorflow

# Arguments of Keras's optimizers, and what to do instead under a strategy.
_WITHOUT_STRATEGY = {
    "gradient_accumulation_steps": "Give larger batches, or build",
    "ema_overwrite_frequency": "Build",
}


class ParameterGroups:
    """Mixin that adds PyTorch-style parameter groups to a Keras optimizer.

    Keras has one learning rate and one `weight_decay` for all variables. The optimizer
    is the next base class. Its `update_step` must take both values from
    `rate_and_decay` and apply the decay itself. It is given `step_values` in place of
    the learning rate: what several variables share is computed once per step, and so is
    the momentum of averaged weights. This saves a third of the operations of a training
    step.

    Args:
        *args: Arguments of the optimizer.
        decay_groups: dict `{substring of variable paths: weight decay}`, or None. A
            variable whose path contains a key uses that decay instead of
            `weight_decay`; the first matching key applies.
        rate_groups: dict `{substring of variable paths: factor}`, or None. The learning
            rate of a variable whose path contains a key is multiplied by the factor;
            the first matching key applies.
        **kwargs: Keyword arguments of the optimizer.
    """

    def __init__(
        self,
        *args: Any,
        decay_groups: Mapping[str, float] | None = None,
        rate_groups: Mapping[str, float] | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        for argument, remedy in _WITHOUT_STRATEGY.items():
            _require_no_strategy(argument, kwargs.get(argument), remedy)
        self.decay_groups = _checked("decay_groups", decay_groups)
        self.rate_groups = _checked("rate_groups", rate_groups)

    def build(self, variables):
        if self.built:
            return
        paths = [variable.path for variable in variables]
        common = self.weight_decay or 0.0
        # In the order of the variables, as Keras keeps its own per-variable state.
        self._decays = _by_path("decay_groups", self.decay_groups, paths, common)
        self._factors = _by_path("rate_groups", self.rate_groups, paths, 1.0)
        super().build(variables)

    def step_values(self, learning_rate):
        """Returns what the updates of all variables share, a dict of tensors.

        Args:
            learning_rate: tensor or float, or the result of this method, which is
                returned.
        """
        if isinstance(learning_rate, dict):
            return learning_rate
        rate = ops.convert_to_tensor(learning_rate)
        rates = {factor: rate * factor for factor in sorted(set(self._factors))}
        return {"rates": rates, **self.shared_values()}

    def shared_values(self):
        """Returns the hyperparameters that the updates of all variables share."""
        return {}

    def rate_and_decay(self, variable, values):
        """Returns the learning rate of a variable, in its dtype, and its weight decay.

        Both depend on the variable alone. Replicas take turns while a step is traced,
        so that any state kept in the optimizer would leak from one replica to the
        others.

        Args:
            variable: the variable.
            values: dict, the result of `step_values`.
        """
        index = variable_index(self, variable)
        rate = ops.cast(values["rates"][self._factors[index]], variable.dtype)
        return rate, self._decays[index] if is_decayed(self, variable) else 0.0

    def _update_model_variables_moving_average(self, trainable_variables):
        """Updates the averages as Keras does, with a momentum for all variables."""
        if not averages_one_by_one():
            super()._update_model_variables_moving_average(trainable_variables)
            return
        pairs = zip(trainable_variables, weight_averages(self), strict=True)
        averaged = [pair for pair in pairs if pair[1] is not None]
        is_later = ops.not_equal(self.iterations, 0)
        shares = {}
        for dtype in sorted({variable.dtype for variable, _ in averaged}):
            momentum = ops.cast(is_later, dtype) * self.ema_momentum
            shares[dtype] = momentum, 1 - momentum
        for variable, average in averaged:
            old, new = shares[variable.dtype]
            average.assign(old * average + new * variable)

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        values = self.step_values(learning_rate)
        super()._backend_update_step(grads, trainable_variables, values)

    def _clip_gradients(self, grads):
        """Clips gradients, but not the share of a replica; see below."""
        if clips_each_replica() and num_replicas() > 1:
            return grads
        return super()._clip_gradients(grads)

    def _all_reduce_sum_gradients(self, grads_and_vars):
        """Sums gradients over the replicas, then clips the sums.

        Keras 3 clips the share of each replica before it sums them, so that the same
        `global_clipnorm` would allow larger steps on more devices.
        """
        pairs = super()._all_reduce_sum_gradients(grads_and_vars)
        if num_replicas() == 1:
            return pairs
        grads, variables = zip(*pairs, strict=True)
        return list(zip(super()._clip_gradients(list(grads)), variables, strict=True))

    def _apply_weight_decay(self, variables):
        """Disables Keras's common weight decay; `update_step` applies the decay."""

    def get_config(self):
        return super().get_config() | {
            "decay_groups": dict(self.decay_groups),
            "rate_groups": dict(self.rate_groups),
        }


def _require_no_strategy(argument, value, remedy):
    """Rejects an argument in a strategy's scope, where Keras fails at the first step.

    Its `update` of several replicas is not possible in a condition.
    """
    tf = tensorflow()
    if value and tf and tf.distribute.has_strategy():
        raise ValueError(
            f"`{argument}` does not work in the scope of a `tf.distribute` strategy. "
            f"Received: {argument}={value}. {remedy} and compile the model without a "
            "strategy."
        )


def _checked(argument, groups):
    groups = {} if groups is None else groups
    wrong = groups
    if isinstance(groups, Mapping):
        wrong = {
            key: value
            for key, value in groups.items()
            if not isinstance(key, str)
            or not isinstance(value, numbers.Real)
            or not 0 <= value < math.inf
        }
    if wrong or not isinstance(groups, Mapping):
        raise ValueError(
            f"`{argument}` must be a dict of substrings of variable paths and numbers "
            f"of 0 or more. Received: {wrong!r}"
        )
    # As floats, because NumPy's numbers cannot be saved.
    return {key: float(value) for key, value in groups.items()}


def _by_path(argument, groups, paths, common):
    """Returns the value of the first key that each path contains, or the default."""
    for key in groups:
        if not any(key in path for path in paths):
            first_parts = sorted({path.split("/")[0] for path in paths})
            raise ValueError(
                f"Each key of `{argument}` must be part of the path of a trainable "
                f"variable. Received: {key!r}; the paths begin with "
                f"{', '.join(first_parts)}"
            )
    return [
        next((value for key, value in groups.items() if key in path), common)
        for path in paths
    ]
