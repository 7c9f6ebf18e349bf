"""Calling the layers of a network without the inputs that whole images do not need."""

import keras

from keras_seg.layers import NetworkInput


def unneeded_inputs(info, positions=False):
    """Returns `{name: content}` of the inputs that predictions can do without.

    Args:
        info: `NetworkInfo` of the network.
        positions: bool. Whether predictions take the positions.
    """
    return {
        name: content
        for name, content in info.inputs.items()
        if content == "labels" or (content == "positions" and not positions)
    }


class WithoutInputs:
    """Function that calls the layers of a network without some of its inputs.

    Args:
        dropped: dict `{name of the input: content}`.
    """

    def __init__(self, dropped):
        self.dropped = dropped

    def __call__(self, layer, *args, **kwargs):
        if isinstance(layer, NetworkInput) and layer.content in self.dropped.values():
            return self._leave_out(args[0])
        # Models saved by versions without `NetworkInput`.
        for argument in self.dropped.keys() & kwargs.keys():
            if kwargs[argument] is not None:
                kwargs[argument] = self._leave_out(kwargs[argument])
        return layer(*args, **kwargs)

    def _leave_out(self, tensor):
        # Not used further, but Keras 3.12 rejects inputs that nothing is computed from.
        keras.ops.negative(tensor)
