"""Weight decay that differs between parts of a model."""


class DecayGroups:
    """What gives a Keras optimizer, the next base class, several weight decays.

    Keras has one `weight_decay` for all variables and can only leave some out.

    Args:
        *args: those of the optimizer.
        decay_groups: dict `{part of variable paths: weight decay}`, or None. A variable
            whose path contains a key gets its decay in the place of `weight_decay`; the
            first key that fits counts.
        **kwargs: those of the optimizer.
    """

    def __init__(self, *args, decay_groups=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.decay_groups = dict(decay_groups or {})

    def build(self, variables):
        paths = [variable.path for variable in variables]
        for key in self.decay_groups:
            if not any(key in path for path in paths):
                raise ValueError(
                    "Each key of `decay_groups` must be part of the path of a "
                    f"trainable variable. Received: {key!r}, and the variables "
                    f"{', '.join(sorted({path.split('/')[0] for path in paths}))}"
                )
        super().build(variables)

    def _apply_weight_decay(self, variables):
        common = self.weight_decay
        members = {}
        for variable in variables:
            fitting = (key for key in self.decay_groups if key in variable.path)
            members.setdefault(next(fitting, None), []).append(variable)
        for key, group in members.items():
            self.weight_decay = self.decay_groups.get(key, common)
            super()._apply_weight_decay(group)
        self.weight_decay = common

    def get_config(self):
        return super().get_config() | {"decay_groups": self.decay_groups}
