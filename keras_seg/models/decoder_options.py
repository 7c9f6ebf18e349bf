import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class DecoderOptions:
    """Options of DeepLabV3+'s decoder and heads, in every network that has them.

    `DeepLabV3Plus`, `HANet` and `DSRL` take these options as keyword arguments.

    Args:
        filters: int. Channels of each of the five branches of the pooling and of the
            decoder; the auxiliary head has twice as many.
        low_level_filters: int. Channels of the projected low-level features.
        dilation_rates: sequence of ints, or None for 6, 12 and 18 at output stride 16,
            twice these rates at 8, and half of them at 32.
        separable: bool. Whether the 3x3 convolutions in the pooling and the decoder are
            depthwise separable, which suits small backbones.
        dropout_rate: float in 0..1. Rate of dropping whole channels before the
            classifiers.
        align_corners: bool, or None. Whether resizing aligns corners. None means True,
            as in HANet's release, for backbones that place features identically at
            every size (`keras_seg.backbones.size_alignment` is 1), and False for the
            others, where aligned corners would shift features by up to a cell, more or
            less along the image and differently in crops and whole images.
        refinement_filters: int, or None. Channels of a refinement that fuses the
            decoder's features with those of the backbone's level at stride 2, where the
            classes are then predicted, for objects of one or two pixels, such as poles.
            None, as in the paper, predicts at stride 4.
        auxiliary_dropout_rate: float in 0..1, or None for `dropout_rate`. Dropout rate
            before the classifier of the auxiliary head. HANet's release has dropout
            only there, with a rate of 0.1.
        auxiliary_bias: bool. Whether the 3x3 convolution of the auxiliary head has a
            bias before its batch norm, as in HANet's release.
        independent_classes: bool. Whether a pixel may have any number of the classes,
            each predicted by a sigmoid. Labels are then 0 and 1, `(batch, height,
            width, num_classes)`, and predictions have a mask for each class.

    Example:
        ```python
        DeepLabV3Plus(11, "resnet18", 16, separable=True, refinement_filters=64)
        ```
    """

    filters: int = 256
    low_level_filters: int = 48
    dilation_rates: Sequence[int] | None = None
    separable: bool = False
    dropout_rate: float = 0.1
    align_corners: bool | None = None
    refinement_filters: int | None = None
    auxiliary_dropout_rate: float | None = None
    auxiliary_bias: bool = False
    independent_classes: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any], network: str) -> "DecoderOptions":
        """Returns the options for the keyword arguments of a network.

        Args:
            options: dict of the keyword arguments.
            network: str, the name of the network, for errors.

        Raises:
            TypeError: If a keyword argument is not an option.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(options.keys() - set(names))
        if unknown:
            raise TypeError(
                f"{network} got unexpected keyword arguments: {', '.join(unknown)}. "
                f"Options of its decoder are: {', '.join(names)}"
            )
        return cls(**options)
