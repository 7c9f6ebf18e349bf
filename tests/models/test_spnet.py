import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seg import backbones
from keras_seg.layers import StripPooling
from keras_seg.losses import SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.models import CPNet, SPNet, inference_model, pool_sizes
from keras_seg.ops import xla_scope
from keras_seg.training import synchronize_batch_norm
from tests.models.networks import tiny_network, tiny_spnet


def strip_poolings(model):
    return [
        layer.name
        for layer in model.get_layer("backbone").layers
        if isinstance(layer, StripPooling)
    ]


@pytest.mark.parametrize(
    ("backbone", "places"),
    [
        (
            "resnet18",  # in basic blocks: before the addition
            ["0_block2_2_bn", "1_block2_2_bn", "2_block2_2_bn"]
            + [f"3_block{block}_2_bn" for block in (1, 2)],
        ),
        (
            "resnet50",  # in bottlenecks: behind the 3x3 convolution
            ["0_block3_2_relu", "1_block4_2_relu", "2_block6_2_relu"]
            + [f"3_block{block}_2_relu" for block in (1, 2, 3)],
        ),
    ],
)
def test_strip_pooling_sits_where_the_paper_puts_it(backbone, places):
    model = SPNet(3, backbone)
    assert sorted(strip_poolings(model)) == sorted(
        f"v2_stack_{place}_strip_pooling" for place in places
    )


def test_parameters_of_the_papers_modules():
    """papers.md: six SPMs of 6.12 M, two MPMs of 4.40 M, on ResNet-50."""
    model = SPNet(3, "resnet50")

    def millions(layer):
        return sum(np.prod(w.shape) for w in layer.trainable_weights) / 1e6

    backbone = model.get_layer("backbone")
    modules = [layer for layer in backbone.layers if isinstance(layer, StripPooling)]
    assert round(sum(map(millions, modules)), 2) == 6.12
    assert round(millions(model.get_layer("mixed_pooling_1")), 2) == 4.40


def test_other_backbones_have_one_behind_each_level():
    model = tiny_spnet()
    assert len(strip_poolings(model)) == 5
    gates = [
        layer for layer in model.get_layer("backbone").layers if "strip" in layer.name
    ]
    # The pyramid's outputs are the gated ones.
    outputs = model.get_layer("backbone").output
    assert {id(outputs[f"level{k}"]) for k in range(1, 6)} == {
        id(gate.output) for gate in gates
    }


@pytest.mark.parametrize("size", [(64, 96), (45, 67), (33, 8)])
def test_logits_have_the_images_size(size):
    model = tiny_spnet()
    outputs = model(np.zeros((2, *size, 3), "uint8"))
    assert sorted(outputs) == ["auxiliary", "segmentation"]
    for logits in outputs.values():
        assert tuple(logits.shape) == (2, *size, 3)
        assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    bare = tiny_spnet(auxiliary_head=False)(np.zeros((2, *size, 3), "uint8"))
    assert tuple(bare.shape) == (2, *size, 3)


def test_inference_model_gives_the_same_logits():
    model = tiny_spnet()
    network = inference_model(model)
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 48, 3))
    np.testing.assert_array_equal(network(images), model(images)["segmentation"])
    names = [weight.path for weight in network.weights]
    assert not [name for name in names if "auxiliary" in name]
    assert inference_model(network) is network
    with pytest.raises(ValueError, match='named "segmentation"'):
        inference_model(backbones.feature_pyramid(tiny_network()))


def test_a_pyramid_keeps_its_output_stride():
    pyramid = backbones.feature_pyramid(tiny_network(), 16)
    model = SPNet(3, pyramid, output_stride=8, pool_sizes=(2,))
    info = backbones.level_info(model.get_layer("backbone"))
    assert info["level5"] == (16, 32)


def test_a_backbone_with_strip_pooling_keeps_its_own():
    trained = tiny_spnet().get_layer("backbone")
    backbone = SPNet(5, trained, pool_sizes=(2,)).get_layer("backbone")
    assert backbone is not trained
    assert backbone.count_params() == trained.count_params()
    images = np.random.default_rng(0).uniform(0, 255, (1, 32, 48, 3))
    found, expected = backbone(images), trained(images)
    for level, features in expected.items():
        np.testing.assert_allclose(found[level], features, atol=1e-6)
    wider = backbones.feature_pyramid(trained, 16)
    assert sum(isinstance(layer, StripPooling) for layer in wider.layers) == 5


def test_training_learns_and_reloads(tmp_path):
    """A model overfits four images, with the head for training and without it alike."""
    rng = np.random.default_rng(0)
    labels = np.repeat(rng.integers(0, 3, (4, 4, 1)), 8, axis=1).repeat(32, axis=2)
    images = (labels[..., None] * [90, 60, 30] + rng.normal(size=(4, 32, 32, 3))).clip(
        0
    )
    labels[:, :2] = 255
    model = tiny_spnet(dropout_rate=0.0)
    model.compile(
        keras.optimizers.Adam(3e-3),
        loss={name: SegmentationCrossentropy() for name in model.output},
        loss_weights={"segmentation": 1.0, "auxiliary": 0.4},
        metrics={"segmentation": [MeanIoU(3)]},
    )
    targets = dict.fromkeys(model.output, labels)
    history = model.fit(images, targets, batch_size=4, epochs=60, verbose=0).history
    assert history["segmentation_mean_iou"][-1] > 0.7
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected = ops.convert_to_numpy(model(images)["segmentation"])
    np.testing.assert_array_equal(loaded(images)["segmentation"], expected)


def test_freezing_the_backbone_by_its_name():
    model = tiny_spnet()
    model.get_layer("backbone").trainable = False
    paths = [weight.path for weight in model.trainable_weights]
    assert paths and not [path for path in paths if path.startswith("backbone")]


@pytest.mark.slow  # the other networks do it in `make test`, all in tests/scale
def test_two_replicas_train_as_one_device(two_replicas, float64_policy):
    """Compiled ops, synchronized batch norm and the loss over the global batch."""
    rng = np.random.default_rng(0)
    blocks = rng.uniform(0, 255, (4, 4, 6, 3)).astype("float32")
    images = blocks.repeat(8, axis=1).repeat(8, axis=2)
    labels = rng.integers(0, 3, (4, 32, 48))
    labels[0], labels[1, 4:] = 255, 255  # nearly all void on the first replica
    initial = tiny_spnet(auxiliary_head=False, dropout_rate=0.0).get_weights()
    losses = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        compiled = strategy is two_replicas
        with strategy.scope(), xla_scope(compiled):
            model = tiny_spnet(auxiliary_head=False, dropout_rate=0.0)
            model.set_weights(initial)
            assert bool(synchronize_batch_norm(model)) == compiled
            model.compile(keras.optimizers.SGD(1e-3), SegmentationCrossentropy())
            data = tf.data.Dataset.from_tensor_slices((images, labels))
            data = data.batch(4, drop_remainder=True)
            history = model.fit(data, epochs=3, verbose=0, shuffle=False).history
        losses.append(history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


@pytest.mark.parametrize("num_classes", [0, -1, 2.0, "3", True])
def test_rejects_bad_numbers_of_classes(num_classes):
    with pytest.raises(ValueError, match="Received: num_classes="):
        SPNet(num_classes, "resnet18")


@pytest.mark.parametrize(
    "network",
    [
        lambda *args: SPNet(*args, pool_sizes=(2, 1)),
        lambda *args: CPNet(*args, prior_size=None, head_filters=4),
    ],
    ids=["spnet", "cpnet"],
)
def test_a_backbone_of_one_level(network):
    image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(8, 8, 8, "same", name="patches")(x)
    backbone = keras.Model(image, x)
    assert network(3, backbone)(np.zeros((1, 17, 24, 3))).shape == (1, 17, 24, 3)
    with pytest.raises(ValueError, match=r"two levels or more.*\['level3'\]"):
        network(3, backbone, 8, True)


@pytest.mark.parametrize(
    ("crop", "stride", "grids"),
    [
        ((480, 480), 8, ((20, 20), (12, 12))),  # as in the release
        ((256, 320), 16, ((6, 7), (4, 4))),
        ((64, 97), 8, ((3, 5), (2, 3))),
        ((8, 8), 16, ((1, 1), (1, 1))),
    ],
)
def test_pool_sizes(crop, stride, grids):
    assert pool_sizes(crop, stride) == grids


def test_pool_sizes_rejects_bad_arguments():
    with pytest.raises(ValueError, match="`crop` must be"):
        pool_sizes((0, 8), 8)
