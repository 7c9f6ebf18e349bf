"""Networks of one logit a pixel, for two classes."""

import keras
import pytest

from keras_seg.backbones import feature_pyramid
from keras_seg.losses import AffinityLoss
from keras_seg.models import CPNet, DeepLabV3Plus, SPNet
from tests.backbones import networks


@pytest.mark.parametrize("network", [SPNet, DeepLabV3Plus, CPNet])
def test_the_papers_networks_take_one_class(network):
    options = {SPNet: {"pool_sizes": (2, 1)}, CPNet: {"prior_size": (4, 4)}}
    pyramid = feature_pyramid(networks.residual("same"), 16)
    model = network(1, pyramid, 16, **options.get(network, {}))
    outputs = model.output if isinstance(model.output, dict) else {"one": model.output}
    assert outputs.get("segmentation", outputs.get("one")).shape[-1] == 1
    with pytest.raises(ValueError, match="`num_classes` must be a positive integer"):
        network(0, pyramid, 16, **options.get(network, {}))


def test_the_affinity_loss_names_the_two_classes():
    with pytest.raises(ValueError, match="2 for a network with one logit per pixel"):
        AffinityLoss((4, 4), 1)


def test_channels_first_is_refused_at_the_edge():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match='set_image_data_format."channels_last".'):
            SPNet(3, "resnet18")
    finally:
        keras.config.set_image_data_format("channels_last")
