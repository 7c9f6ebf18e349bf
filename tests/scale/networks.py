"""Every network of the package, small and without dropout, compiled with its losses."""

import keras

from keras_seg.losses import AffinityLoss, OutputLoss, SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.training import named_targets, synchronize_batch_norm
from tests.models.networks import (
    SIZE,
    tiny_cpnet,
    tiny_deeplab,
    tiny_dsrl,
    tiny_hanet,
    tiny_spnet,
)

CLASSES = 3
OPTIONS = {"dropout_rate": 0.0, "auxiliary_head": True}
BUILD = {
    "SPNet": lambda: tiny_spnet(**OPTIONS),
    "HANet": lambda: tiny_hanet(
        positions=True, position_noise=0.0, attention_dropout_rate=0.0, **OPTIONS
    ),
    "CPNet": lambda: tiny_cpnet(**OPTIONS),
    "CPNet, fused": lambda: tiny_cpnet(fused_prior=True, **OPTIONS),
    "DSRL": lambda: tiny_dsrl(CLASSES, **OPTIONS),
    "DeepLabV3Plus": lambda: tiny_deeplab(**OPTIONS),
}
NETWORKS = tuple(BUILD)


def build(name, optimizer=None):
    """A compiled network, and the function that gives it inputs and targets."""
    keras.utils.set_random_seed(0)
    model = BUILD[name]()
    synchronize_batch_norm(model)
    losses = dict.fromkeys(model.output, SegmentationCrossentropy())
    losses |= {
        "context_prior": OutputLoss() if "fused" in name else AffinityLoss(SIZE, 3),
        "super_resolution": keras.losses.MeanSquaredError(),
        "feature_affinity": OutputLoss(),
    }
    weights = {"auxiliary": 0.4, "super_resolution": 2.0}
    model.compile(
        optimizer or keras.optimizers.SGD(0.02, momentum=0.9),
        loss={output: losses[output] for output in model.output},
        loss_weights={output: weights.get(output, 1.0) for output in model.output},
        metrics={"segmentation": [MeanIoU(CLASSES)]},
    )
    return model, named_targets(model, scale=2 if name == "DSRL" else 1)
