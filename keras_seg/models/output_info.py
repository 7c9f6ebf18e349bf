import dataclasses


@dataclasses.dataclass(frozen=True)
class OutputInfo:
    """Purpose of a network's output, as marked by `keras_seg.layers.NetworkOutput`.

    Attributes:
        target: "labels", "image" (RGB / 255), or None for an output that is a loss
            already.
        training_only: bool. Whether the output is not needed for predictions.
        scale: int. Factor by which images are reduced for the network.
        independent_classes: bool. Whether a pixel may have any number of the classes.
    """

    target: str | None
    training_only: bool
    scale: int
    independent_classes: bool = False
