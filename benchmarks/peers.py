"""PyTorch networks for `benchmarks.networks`, built from their authors' sources.

The sources are read from a folder and not installed. The functions below return
networks from images to logits; in training they return those of the auxiliary head too.

    git clone https://github.com/Andrew-Qibin/SPNet peers/SPNet
    git clone https://github.com/shachoi/HANet peers/HANet
    python3 -m venv other
    other/bin/pip install torch torchvision segmentation-models-pytorch \
        keras-hub tensorflow
    PEERS=peers python -m benchmarks.networks --peers benchmarks/peers.py \
        --peers-python other/bin/python
"""

import functools
import os
import pathlib
import sys
import types

import torch

CLASSES = 19


class ReleasedSPNet(torch.nn.Module):
    """SPNet-50 at stride 8, which computes each head once."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        *_, features, last = self.network.base_forward(images)
        outputs = [self.network.head(last)]
        if self.training:
            outputs.append(self.network.auxlayer(features))
        size = images.shape[2:]
        resize = functools.partial(
            torch.nn.functional.interpolate, size=size, **self.network._up_kwargs
        )
        logits = tuple(map(resize, outputs))
        return logits if self.training else logits[0]


class ReleasedHANet(torch.nn.Module):
    """HANet's network with the positions of the rows of whole images."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, images):
        batch, _, height, width = images.shape
        rows = torch.arange(height) * 128 // height
        rows = rows[None, :, None].expand(batch, height, width)
        # The auxiliary loss of the release is computed on small labels. They are not
        # used here: the network returns logits instead of losses.
        labels = images.new_zeros(batch, height, width)
        return self.network(images, labels, labels, pos=(rows, rows))


def spnet():
    _import_from("SPNet")
    from models.spnet import SPNet

    return ReleasedSPNet(SPNet(CLASSES, "resnet50", pretrained=None, spm_on=True))


def hanet():
    return _deeplab_v3_plus(hanet_at=[1, 1, 1, 1, 0])


def deeplab():
    return _deeplab_v3_plus(hanet_at=[0, 0, 0, 0, 0])


def deeplab_separable():
    import segmentation_models_pytorch as smp

    return smp.DeepLabV3Plus("resnet50", encoder_weights=None, classes=CLASSES)


def light():
    import segmentation_models_pytorch as smp

    return smp.DeepLabV3Plus(
        "timm-tf_efficientnet_lite0",
        encoder_weights=None,
        decoder_channels=128,
        classes=CLASSES,
    )


def _deeplab_v3_plus(hanet_at):
    """Returns the release's DeepLabV3+-50 at stride 16, with HANet at some places."""
    _import_from("HANet")
    from network import Resnet, deepv3

    # The release moves tensors to a GPU and downloads weights.
    torch.Tensor.cuda = lambda self, *args, **kwargs: self
    Resnet.resnet50 = functools.partial(Resnet.resnet50, pretrained=False)
    # As in scripts/train_r101_os16_hanet.sh.
    arguments = types.SimpleNamespace(
        hanet=hanet_at,
        hanet_set=[3, 32, 3],
        hanet_pos=[2, 1],
        pos_rfactor=8,
        pooling="mean",
        dropout=0.1,
        pos_noise=0.5,
        aux_loss=True,
    )
    network = deepv3.DeepR50V3PlusD_HANet(arguments, CLASSES, _logits, _logits)
    for module in network.modules():
        if hasattr(module, "pos_noise"):
            # Newer versions of PyTorch would turn positions into floats.
            module.min = 0
    return ReleasedHANet(network)


def _logits(logits, labels):
    return logits


def _import_from(repository):
    folder = os.environ.get("PEERS")
    if not folder or not pathlib.Path(folder, repository).is_dir():
        sys.exit(
            f"The environment variable PEERS must name a folder with {repository}. "
            f"Received: PEERS={folder}"
        )
    sys.path.insert(0, str(pathlib.Path(folder, repository)))
