import keras
import numpy as np
from keras import ops

from keras_seg.losses import SegmentationCrossentropy
from keras_seg.models import SPNet
from keras_seg.training import freeze_batch_norm
from tests.backbones import networks


def test_convolutions_train_and_batch_norms_do_not():
    model = SPNet(3, networks.residual("same"), 16, pool_sizes=(2, 1))
    networks.randomize(model.get_layer("backbone"))
    # Those of the network and of the strip poolings in it.
    assert freeze_batch_norm(model.get_layer("backbone")) == 5 + 2 * 5
    model.compile(keras.optimizers.SGD(0.1), SegmentationCrossentropy())
    before = {w.path: ops.convert_to_numpy(w) for w in model.weights}
    rng = np.random.default_rng(0)
    images, labels = rng.uniform(0, 9, (2, 32, 32, 3)), rng.integers(0, 3, (2, 32, 32))
    model.fit(images, labels, verbose=0)
    norms = ("gamma", "beta", "moving_mean", "moving_variance")
    for weight in model.weights:
        is_norm = weight.path.split("/")[-1] in norms
        is_frozen = is_norm and weight.path.startswith("backbone")
        moved = (ops.convert_to_numpy(weight) != before[weight.path]).any()
        if is_frozen or weight.path.endswith("kernel"):
            assert moved != is_frozen, weight.path
