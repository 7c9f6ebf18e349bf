"""What the models accept as `backbone`."""

from keras_seg.backbones import build, feature_pyramid, is_pyramid


def resolve_backbone(backbone, output_stride, insert=None):
    """A feature pyramid from a name, a pyramid, or any functional network.

    A pyramid keeps the output stride that it was made with. Where layers are inserted,
    it and a network are copied with their weights.
    """
    if isinstance(backbone, str):
        return build(backbone, output_stride, insert=insert)
    if is_pyramid(backbone):
        return feature_pyramid(backbone, insert=insert) if insert else backbone
    return feature_pyramid(backbone, output_stride, insert=insert)
