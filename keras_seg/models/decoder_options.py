import dataclasses


@dataclasses.dataclass(frozen=True)
class DecoderOptions:
    """What DeepLabV3+'s decoder and heads are made with, in every network that has it.

    `DeepLabV3Plus`, `HANet` and `DSRL` take these as keyword arguments.

    Args:
        filters: int. Channels of each of the five branches of the pooling and of the
            decoder; the auxiliary head has twice as many.
        low_level_filters: int. Channels of the projection of the low-level features.
        dilation_rates: sequence of ints, or None for 6, 12 and 18 at output stride 16,
            twice that at 8 and half of it at 32.
        separable: bool. Depthwise separable 3x3 convolutions in the pooling and the
            decoder, which suit small backbones.
        dropout_rate: float. Before the classifiers, whole channels.
        align_corners: bool. How maps are resized; True as in HANet's release.
        auxiliary_dropout_rate: float, or None for `dropout_rate`. Before the
            auxiliary head's classifier; HANet's release has 0.1 there alone.
        auxiliary_bias: bool. Whether the 3x3 convolution of the auxiliary head has a
            bias before its batch norm, as in HANet's release.
    """

    filters: int = 256
    low_level_filters: int = 48
    dilation_rates: tuple = None
    separable: bool = False
    dropout_rate: float = 0.1
    align_corners: bool = True
    auxiliary_dropout_rate: float = None
    auxiliary_bias: bool = False

    @classmethod
    def of(cls, options, network):
        """The options that a network was given as keyword arguments.

        Raises:
            TypeError: If there is no such option.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(options.keys() - set(names))
        if unknown:
            raise TypeError(
                f"{network} got unexpected keyword arguments: {', '.join(unknown)}. "
                f"Those of its decoder are: {', '.join(names)}"
            )
        return cls(**options)
