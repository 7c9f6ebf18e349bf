import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seg.data import Augmentation, StreetScenes, training_pipeline
from keras_seg.layers import HeightDrivenAttention
from keras_seg.losses import SegmentationCrossentropy
from keras_seg.models import (
    DeepLabV3Plus,
    HANet,
    attention_model,
    inference_model,
    replace_classifier,
)
from keras_seg.ops import row_positions, xla_scope
from keras_seg.training import SGD, named_targets, synchronize_batch_norm
from tests.models.networks import (
    POINTS,
    attentions,
    randomize,
    tiny_hanet,
    tiny_network,
)


def images(*size, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (2, *size, 3)).astype("float32")


def rows(first, last, height):
    return row_positions(np.tile(np.arange(first, last), (2, 1)), height)


def parameters(layers):
    return sum(np.prod(w.shape) for layer in layers for w in layer.trainable_weights)


@pytest.mark.parametrize(
    ("ratio", "millions"), [(16, 2.53), (32, 1.23), (64, 0.60), (None, 0.60)]
)
def test_added_parameters_are_those_of_the_table(ratio, millions):
    """papers.md, on the channels of ResNet-50 and 101."""
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(256, 3, strides=4, padding="same")(inputs)
    for channels in (512, 1024, 2048):
        x = keras.layers.DepthwiseConv2D(
            1, strides=2, depth_multiplier=channels // x.shape[-1]
        )(x)
    network = keras.Model(inputs, x)
    with_attention = HANet(19, network, 8, reduction_ratio=ratio)
    added = parameters([with_attention]) - parameters([DeepLabV3Plus(19, network, 8)])
    assert round(added / 1e6, 2) == millions
    assert parameters(attentions(with_attention)) == added


def test_the_default_ratio_follows_the_true_output_stride():
    for stride, ratio in ((8, 64), (16, 32), (32, 32)):
        model = tiny_hanet(output_stride=stride, reduction_ratio=None)
        assert {layer.reduction_ratio for layer in attentions(model)} == {ratio}


def test_mobilenet_v2_is_known_by_name():
    model = HANet(3, "mobilenet_v2", 16, filters=8, low_level_filters=4)
    assert model.get_layer("backbone").geometry.levels["level5"] == (16, 1280)
    assert model(np.zeros((1, 33, 48, 3), "uint8")).shape == (1, 33, 48, 3)


def test_points_connect_what_the_release_connects():
    """papers.md: channels of the source and of what is weighted, by point."""
    model = HANet(19, tiny_network(), 8, points=POINTS, reduction_ratio=4)
    channels = {
        layer.name: (layer.input[0].shape[-1], layer.input[1].shape[-1])
        for layer in attentions(model)
    }
    assert channels == {
        "height_attention_1": (16, 32),
        "height_attention_2": (32, 1280),
        "height_attention_3": (1280, 256),
        "height_attention_4": (304, 256),
        "height_attention_5": (256, 19),
    }
    pooling = [layer.pooling for layer in attentions(model)]
    assert pooling == ["mean"] * 4 + ["max"]


@pytest.mark.parametrize("points", [(1,), (2, 5), (1, 2, 3, 4)])
def test_points_are_selectable(points):
    model = tiny_hanet(points=points)
    names = [layer.name for layer in attentions(model)]
    assert names == [f"height_attention_{point}" for point in points]
    image = images(33, 40)[:1]
    maps = attention_model(model)(image)
    assert sorted(maps) == [f"attention{point}" for point in points]
    for layer in attentions(model):  # at first, most of the features is kept
        np.testing.assert_array_equal(layer.third_conv.bias, 3.0)


def test_each_point_changes_the_logits():
    """The weights multiply what they are meant to multiply."""
    image = images(48, 64)[:1]
    for point in POINTS:
        model = tiny_hanet(points=(point,))
        before = ops.convert_to_numpy(model(image))
        (layer,) = attentions(model)
        layer.third_conv.bias.assign(np.full(layer.third_conv.bias.shape, -100.0))
        after = ops.convert_to_numpy(model(image))
        assert np.abs(after - before).max() > 1e-6
        if point == 5:  # all logits times 0
            np.testing.assert_allclose(after, 0, atol=1e-6)


def test_positions_are_a_second_input_and_inference_goes_without():
    model = randomize(tiny_hanet(positions=True, auxiliary_head=True))
    assert [tensor.name for tensor in model.inputs] == ["image", "positions"]
    image = images(48, 64)
    network = inference_model(model)
    assert [tensor.name for tensor in network.inputs] == ["image"]
    whole = model([image, rows(0, 48, 48)])["segmentation"]
    np.testing.assert_array_equal(network(image), whole)
    crop = model([image, rows(48, 96, 96)])["segmentation"]
    assert np.abs(crop - whole).max() > 1e-3

    windows = inference_model(model, positions=True)
    np.testing.assert_array_equal(windows([image, rows(48, 96, 96)]), crop)
    # The weights are the same objects, so that training goes on in both.
    assert {id(w) for w in network.weights} <= {id(w) for w in model.weights}
    with pytest.raises(ValueError, match="`positions` must be False for a model"):
        inference_model(network, positions=True)


def test_padding_is_told_from_the_image():
    model = randomize(tiny_hanet(positions=True))
    image = images(48, 64)
    padded = rows(0, 48, 48)
    padded[:, 24:] = 128
    difference = np.subtract(
        *(np.array(model([image, place])) for place in (padded, rows(0, 48, 48)))
    )
    assert np.abs(difference).max() > 1e-3


def test_maps_of_the_attention():
    model = randomize(tiny_hanet(positions=True, auxiliary_head=True))
    image, place = images(48, 64), rows(0, 48, 48)
    maps = attention_model(model)([image, place])
    shapes = {name: tuple(values.shape) for name, values in maps.items()}
    assert shapes == {
        "attention1": (2, 6, 1, 32),
        "attention2": (2, 6, 1, 40),
        "attention3": (2, 6, 1, 8),
        "attention4": (2, 12, 1, 8),
        "attention5": (2, 12, 1, 3),
    }
    for values in map(ops.convert_to_numpy, maps.values()):
        assert 0 <= np.min(values) and np.max(values) <= 1 and np.ptp(values) > 0.01
    # What the layer itself gives for the features that reach it.
    layer = model.get_layer("height_attention_1")
    inner = keras.Model(model.input, [layer.input[0], layer.input[1]])
    _, expected = layer(inner([image, place]), positions=place)
    np.testing.assert_allclose(maps["attention1"], expected, atol=1e-6)
    with pytest.raises(ValueError, match="must have HeightDrivenAttention layers"):
        attention_model(DeepLabV3Plus(3, tiny_network(), filters=4))


def test_the_attention_of_a_layer_that_is_called_twice():
    image = keras.Input((None, None, 4))
    layer = HeightDrivenAttention(reduction_ratio=1, return_attention=True, name="a")
    x, _ = layer([image, image])
    x, _ = layer([x, x])
    maps = attention_model(keras.Model(image, x))(np.ones((1, 8, 8, 4), "float32"))
    assert sorted(maps) == ["a", "a_2"]


def test_a_saved_model_gives_the_same(tmp_path):
    model = randomize(tiny_hanet(positions=True, auxiliary_head=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = [images(45, 67), rows(10, 55, 90)]
    expected = model(inputs)["segmentation"]
    np.testing.assert_array_equal(loaded(inputs)["segmentation"], expected)
    whole = inference_model(model)(inputs[0])
    np.testing.assert_array_equal(inference_model(loaded)(inputs[0]), whole)
    assert sorted(attention_model(loaded)(inputs)) == [f"attention{k}" for k in POINTS]


def test_other_classes():
    model = randomize(tiny_hanet(positions=True, auxiliary_head=True))
    changed = replace_classifier(model, 5)
    inputs = [images(45, 67), rows(0, 45, 45)]
    assert changed(inputs)["segmentation"].shape == (2, 45, 67, 5)
    for old, new in zip(attentions(model), attentions(changed), strict=True):
        for before, after in zip(old.weights, new.weights, strict=True):
            if old.name != "height_attention_5":
                np.testing.assert_array_equal(before, after)


def test_crops_that_know_their_place_train():
    """The pipeline's positions, the recipe's two weight decays, and `fit`."""
    scenes = StreetScenes(4, (64, 80))
    batches = training_pipeline(scenes, 2, Augmentation((32, 48)), positions=True)
    model = tiny_hanet(scenes.num_classes, positions=True, auxiliary_head=True)
    model.compile(
        SGD(0.01, weight_decay=5e-4, decay_groups={"height_attention": 1e-4}),
        loss={name: SegmentationCrossentropy() for name in model.output},
    )
    before = [ops.convert_to_numpy(w) for w in model.trainable_weights]
    history = model.fit(batches.map(named_targets(model)), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    moved = [
        np.abs(ops.convert_to_numpy(w) - old).max()
        for w, old in zip(model.trainable_weights, before, strict=True)
    ]
    still = [
        w.path
        for w, change in zip(model.trainable_weights, moved, strict=True)
        if change == 0
    ]
    assert not [path for path in still if "height_attention" in path]


@pytest.mark.slow
def test_two_replicas_train_as_one_device(two_replicas, float64_policy):
    blocks = np.random.default_rng(0).uniform(0, 255, (4, 4, 6, 3)).astype("float32")
    image = blocks.repeat(8, axis=1).repeat(8, axis=2)
    labels = np.random.default_rng(1).integers(0, 3, (4, 32, 48))
    labels[0], labels[1, 4:] = 255, 255  # nearly all void on the first replica
    place = np.concatenate([rows(0, 32, 32), rows(20, 52, 64)])
    options = {
        "positions": True,
        "dropout_rate": 0.0,
        "attention_dropout_rate": 0.0,
        "position_noise": 0.0,
        "points": (1, 5),  # with the mean and with the maximum; each compiles ops
    }
    initial = randomize(tiny_hanet(**options)).get_weights()
    losses = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        compiled = strategy is two_replicas
        with strategy.scope(), xla_scope(compiled):
            model = tiny_hanet(**options)
            model.set_weights(initial)
            synchronize_batch_norm(model)
            # Two weight decays, so that they are tried on replicas too.
            optimizer = SGD(
                1e-3, weight_decay=0.05, decay_groups={"height_attention": 0.01}
            )
            model.compile(optimizer, SegmentationCrossentropy())
            data = tf.data.Dataset.from_tensor_slices(((image, place), labels))
            data = data.batch(4, drop_remainder=True)
            history = model.fit(data, epochs=3, verbose=0, shuffle=False).history
        losses.append(history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)


@pytest.mark.parametrize("points", [(), (0,), (1, 6)])
def test_rejects_bad_points(points):
    with pytest.raises(ValueError, match="`points` must be one or more of"):
        tiny_hanet(points=points)
