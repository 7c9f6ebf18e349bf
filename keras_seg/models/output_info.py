import dataclasses


@dataclasses.dataclass(frozen=True)
class OutputInfo:
    """What an output of a network is for, as `keras_seg.layers.NetworkOutput` says.

    Attributes:
        target: "labels", "image" (on the scale of RGB / 255), or None for an output
            that is a loss already.
        training_only: bool. Whether predictions do without it.
        scale: int. By how much images are reduced for the network.
    """

    target: str
    training_only: bool
    scale: int
