from keras_seg.backbones import build, feature_pyramid


def backbone(args):
    """The feature pyramid that the flags of a training script ask for.

    Args:
        args: what `arguments(...).parse_args()` gives; `--backbone small` is a short,
            narrow ResNet that learns the procedural scenes within minutes.

    Returns:
        A feature pyramid.
    """
    if args.backbone == "small":
        return _small_resnet(args.output_stride)
    return build(args.backbone, args.output_stride, args.weights)


def _small_resnet(output_stride):
    from keras_cv.models import ResNetBackbone

    network = ResNetBackbone(
        stackwise_filters=[64, 64, 128, 192],
        stackwise_blocks=[1, 1, 1, 1],
        stackwise_strides=[1, 2, 2, 2],
        block_type="basic_block",
        include_rescaling=False,
    )
    return feature_pyramid(network, output_stride, "imagenet")
