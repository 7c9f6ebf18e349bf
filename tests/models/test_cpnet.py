import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seg.data import Augmentation, StreetScenes, training_pipeline
from keras_seg.layers import ContextPriorLayer, HeightDrivenAttention, NetworkInput
from keras_seg.losses import AffinityLoss, OutputLoss, SegmentationCrossentropy
from keras_seg.models import (
    CPNet,
    inference_model,
    prior_model,
    prior_size,
    replace_classifier,
)
from keras_seg.ops import row_positions, xla_scope
from keras_seg.training import named_targets, synchronize_batch_norm
from tests.models.networks import SIZE, tiny_cpnet, tiny_network


def losses(model, num_classes=3):
    prior = AffinityLoss(SIZE, num_classes)
    if isinstance(model.input, list):
        prior = OutputLoss()
    return {
        name: prior if name == "context_prior" else SegmentationCrossentropy()
        for name in model.output
    }


def batch(num_images=4, size=(32, 48), classes=3):
    rng = np.random.default_rng(0)
    blocks = rng.uniform(0, 255, (num_images, 4, 6, 3)).astype("float32")
    images = blocks.repeat(size[0] // 4, axis=1).repeat(size[1] // 6, axis=2)
    labels = rng.integers(0, classes, (num_images, 4, 6)).astype("int32")
    labels = labels.repeat(size[0] // 4, axis=1).repeat(size[1] // 6, axis=2)
    labels[0], labels[1, 4:] = 255, 255
    return images, labels


def trained_weights(model):
    return {w.path: ops.convert_to_numpy(w) for w in model.weights}


@pytest.mark.parametrize(
    ("crop", "stride", "size"),
    [((768, 768), 8, (96, 96)), ((480, 513), 8, (60, 65)), ((33, 8), 16, (3, 1))],
)
def test_prior_size(crop, stride, size):
    assert prior_size(crop, stride) == size


@pytest.mark.parametrize(
    ("crop", "stride", "message"),
    [((0, 8), 8, "`crop` must be"), ((8, 8), -8, "`output_stride` must be")],
)
def test_prior_size_rejects_bad_arguments(crop, stride, message):
    with pytest.raises(ValueError, match=message):
        prior_size(crop, stride)


def test_widths_are_the_releases():
    model = CPNet(19, "resnet18", 8, auxiliary_head=True, prior_size=(4, 6))
    layer = model.get_layer("context_prior_layer")
    assert layer.output[0].shape[-1] == 512 + 2 * 512
    assert tuple(layer.output[1].shape) == (None, 24, 24)
    assert model.get_layer("bottleneck").output.shape[-1] == 512
    assert model.get_layer("auxiliary_conv").output.shape[-1] == 256 // 4


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("size", [(32, 48), (45, 67), (33, 8)])
def test_logits_have_the_images_size(size, fused):
    model = tiny_cpnet(auxiliary_head=True, fused_prior=fused)
    images = np.zeros((2, *size, 3), "uint8")
    labels = np.zeros((2, *size), "int32")
    outputs = model([images, labels] if fused else images)
    assert sorted(outputs) == ["auxiliary", "context_prior", "segmentation"]
    assert tuple(outputs["segmentation"].shape) == (2, *size, 3)
    assert tuple(outputs["context_prior"].shape) == ((2,) if fused else (2, 24, 24))
    network = inference_model(model)
    assert [tensor.name for tensor in network.inputs] == ["image"]
    np.testing.assert_allclose(network(images), outputs["segmentation"], atol=1e-6)


@pytest.mark.keras3("its own batch norm, unlike Keras 2's, is biased")
def test_fused_equals_plain_in_every_loss_and_weight():
    """Values, gradients and moving statistics, over three steps of training."""
    images, labels = batch()
    plain = tiny_cpnet(auxiliary_head=True)
    fused = tiny_cpnet(auxiliary_head=True, fused_prior=True)
    fused.set_weights(plain.get_weights())
    histories = []
    for model in (plain, fused):
        model.compile(keras.optimizers.SGD(0.05), losses(model))
        inputs = [images, labels] if model is fused else images
        targets = dict.fromkeys(model.output, labels)
        options = {"batch_size": 4, "epochs": 3, "verbose": 0, "shuffle": False}
        histories.append(model.fit(inputs, targets, **options).history)
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-5)
    for one, other in zip(plain.weights, fused.weights, strict=True):
        assert one.path.split("/")[-1] == other.path.split("/")[-1]
        # Biases before a batch norm have no gradient but rounding.
        tolerance = max(1e-5 * np.abs(one).max(), 1e-6)
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)
    # And in inference, with the moving statistics.
    whole = inference_model(plain)(images)
    np.testing.assert_allclose(inference_model(fused)(images), whole, atol=1e-5)


def test_weights_files_serve_both(tmp_path):
    plain, fused = tiny_cpnet(), tiny_cpnet(fused_prior=True)
    images, _ = batch()
    plain.save_weights(tmp_path / "plain.weights.h5")
    fused.load_weights(tmp_path / "plain.weights.h5")
    expected = inference_model(plain)(images)
    np.testing.assert_allclose(inference_model(fused)(images), expected, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_a_saved_model_gives_the_same(tmp_path, fused):
    model = tiny_cpnet(fused_prior=fused)
    images, labels = batch()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = [images, labels] if fused else images
    for name, expected in model(inputs).items():
        np.testing.assert_array_equal(loaded(inputs)[name], expected)
    changed = replace_classifier(loaded, 5)
    assert changed(inputs)["segmentation"].shape == (4, 32, 48, 5)
    if fused:  # the affinity of new classes counts
        labels = np.where(images[..., 0] > 128, 4, 1).astype("int32")
        found = changed([images, labels])["context_prior"]
        prior = ops.convert_to_numpy(prior_model(changed)(images))
        expected = AffinityLoss(SIZE, 5)(labels, np.log(prior / (1 - prior)))
        np.testing.assert_allclose(np.mean(found), expected, rtol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_the_pipeline_feeds_labels_where_they_are_taken(fused):
    scenes = StreetScenes(4, (64, 80))
    batches = training_pipeline(scenes, 2, Augmentation((32, 48)))
    model = tiny_cpnet(scenes.num_classes, fused_prior=fused, auxiliary_head=True)
    model.compile("sgd", losses(model, scenes.num_classes))
    data = batches.map(named_targets(model))
    history = model.fit(data, epochs=2, verbose=0, shuffle=False).history
    assert np.isfinite(history["loss"]).all() and history["context_prior_loss"][0] > 1


@pytest.mark.parametrize("fused", [pytest.param(False, marks=pytest.mark.slow), True])
def test_two_replicas_train_as_one_device(two_replicas, fused):
    images, labels = batch()
    initial = tiny_cpnet(fused_prior=fused).get_weights()
    results = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        compiled = strategy is two_replicas
        with strategy.scope(), xla_scope(compiled):
            model = tiny_cpnet(fused_prior=fused)
            model.set_weights(initial)
            synchronize_batch_norm(model)
            model.compile(keras.optimizers.SGD(1e-2), losses(model))
            data = tf.data.Dataset.from_tensor_slices((images, labels))
            data = data.batch(4, drop_remainder=True).map(named_targets(model))
            history = model.fit(data, epochs=3, verbose=0, shuffle=False).history
        results.append((history["loss"], trained_weights(model)))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-4)
    prior = [
        [value for path, value in weights.items() if "moving" in path]
        for _, weights in results
    ]
    for one, other in zip(*prior, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("fused", [False, True])
def test_the_prior_learns_which_pixels_share_a_class(fused):
    _, labels = batch()
    labels = labels[2:3].repeat(4, axis=0)  # one scene, with noise
    noise = np.random.default_rng(0).normal(0, 10, (4, 32, 48, 3))
    images = (labels[..., None] * [80.0, 40.0, 20.0] + noise).astype("float32")
    model = tiny_cpnet(fused_prior=fused)
    model.compile(keras.optimizers.Adam(0.01), losses(model))
    inputs = [images, labels] if fused else images
    targets = dict.fromkeys(model.output, labels)
    model.fit(inputs, targets, batch_size=4, epochs=40, verbose=0)
    whole = tiny_cpnet()
    whole.set_weights(model.get_weights())
    prior = ops.convert_to_numpy(ops.sigmoid(whole(images)["context_prior"]))
    cells = labels[:, ::8, ::8].reshape(4, 24)
    is_same = cells[:, :, None] == cells[:, None]
    assert prior[is_same].mean() > prior[~is_same].mean() + 0.3


@pytest.mark.parametrize("fused", [False, True])
def test_the_prior_of_a_model(fused):
    plain, images = tiny_cpnet(), batch()[0]
    expected = ops.sigmoid(plain(images)["context_prior"])
    model = tiny_cpnet(fused_prior=fused, auxiliary_head=True)
    for layer in plain.layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
    for source in (model, inference_model(model)):
        prior = prior_model(source)(images)
        assert prior.shape == (4, 24, 24)
        np.testing.assert_allclose(prior, expected, atol=1e-5)
    with pytest.raises(ValueError, match="must have one ContextPriorLayer"):
        prior_model(tiny_network())


def test_the_prior_of_a_network_with_positions():
    image = keras.Input((None, None, 3))
    rows = keras.Input((None,), dtype="int32", name="positions")
    x = keras.layers.Conv2D(8, 8, strides=8, activation="relu")(image)
    positions = NetworkInput("positions")(rows)
    x = HeightDrivenAttention(reduction_ratio=2)([x, x], positions=positions)
    x, prior = ContextPriorLayer(4, SIZE)(x)
    model = keras.Model([image, rows], [x, prior])
    images, _ = batch()
    expected = model((images, row_positions(np.tile(np.arange(32), (4, 1)), 32)))[1]
    found = prior_model(model)(images)
    np.testing.assert_allclose(found, ops.sigmoid(expected), atol=1e-5)


def test_without_a_prior_it_is_the_baseline():
    model = tiny_cpnet(prior_size=None, auxiliary_head=True)
    images, _ = batch()
    assert sorted(model(images)) == ["auxiliary", "segmentation"]
    assert model.get_layer("bottleneck").input.shape[-1] == 32  # the last level
    bare = tiny_cpnet(prior_size=None)
    assert bare(images).shape == (4, 32, 48, 3)


def test_rejects_bad_arguments():
    with pytest.raises(ValueError, match="Received: num_classes=0"):
        tiny_cpnet(0)
    with pytest.raises(ValueError, match="`prior_size` must be"):
        tiny_cpnet(prior_size=8)
