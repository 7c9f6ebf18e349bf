"""SPNet on a network of every family: builds, trains, saves, loads, exports."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seg import backbones
from keras_seg.export import export_saved_model
from keras_seg.losses import SegmentationCrossentropy
from keras_seg.models import SPNet
from tests.backbones.test_catalog import CHANNELS, PARAMETERS

SLOW = [name for name in PARAMETERS if name not in CHANNELS]
FAST = ["resnet18"]
SLOW += [name for name in CHANNELS if name not in FAST]


@pytest.fixture(
    scope="module",
    params=[*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)],
)
def trained(request):
    """A model after a step of training, images, and its logits."""
    name = request.param
    stride = 32 if name.startswith("mit") else 16
    model = SPNet(3, name, stride, auxiliary_head=True, pool_sizes=(2, 1))
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 45, 70, 3)).astype("uint8")
    labels = rng.integers(0, 3, (2, 45, 70))
    model.compile(
        keras.optimizers.SGD(1e-3),
        loss={output: SegmentationCrossentropy() for output in model.output},
    )
    targets = dict.fromkeys(model.output, labels)
    history = model.fit(images, targets, batch_size=2, verbose=0).history
    assert np.isfinite(history["loss"][0])
    return model, images, ops.convert_to_numpy(model(images)["segmentation"])


def test_trains_saves_and_loads(trained, tmp_path):
    model, images, expected = trained
    assert expected.shape == (2, 45, 70, 3) and np.isfinite(expected).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images)["segmentation"], expected)


@pytest.mark.backend("tensorflow", "SavedModels")
def test_is_served(trained, tmp_path):
    model, images, expected = trained
    export_saved_model(model, tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    classes = served(images=tf.constant(images))["classes"].numpy()
    assert (classes == expected.argmax(-1)).mean() > 0.999


@pytest.mark.parametrize("size", [(45, 51), (46, 52)])
def test_logits_of_a_padded_image_are_cropped(size):
    """An odd image has the logits of the same image with a black border, cropped."""
    model = SPNet(3, "csp_darknet_tiny", 16, pool_sizes=(2,))
    images = np.random.default_rng(0).uniform(0, 255, (1, *size, 3)).astype("float32")
    padded = np.pad(images, ((0, 0), *((0, cells % 2) for cells in size), (0, 0)))
    logits = ops.convert_to_numpy(model(images))
    assert logits.shape == (1, *size, 3)
    expected = ops.convert_to_numpy(model(padded))[:, : size[0], : size[1]]
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.backend("tensorflow", "SavedModels")
def test_other_numbers_of_channels_are_served(tmp_path):
    pyramid = backbones.build("resnet18", 32, input_channels=4)
    model = SPNet(3, pyramid, pool_sizes=(2,))
    images = np.random.default_rng(0).integers(0, 256, (1, 33, 48, 4)).astype("uint8")
    export_saved_model(model, tmp_path / "1")
    served = tf.saved_model.load(str(tmp_path / "1")).signatures["serving_default"]
    classes = served(images=tf.constant(images))["classes"].numpy()
    expected = ops.convert_to_numpy(model(images)).argmax(-1)
    assert (classes == expected).mean() > 0.999


def test_networks_of_keras_applications():
    network = keras.applications.MobileNetV2(
        weights=None, include_top=False, alpha=0.35, input_shape=(None, None, 3)
    )
    model = SPNet(3, network, 8, pool_sizes=(2, 1))
    info = backbones.level_info(model.get_layer("backbone"))
    assert [stride for stride, _ in info.values()] == [2, 4, 8, 8, 8]
    assert model(np.zeros((1, 33, 47, 3))).shape == (1, 33, 47, 3)
