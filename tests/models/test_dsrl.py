import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.backbones import build
from keras_seg.data import low_resolution
from keras_seg.export import export_saved_model
from keras_seg.inference import flops
from keras_seg.losses import OutputLoss, SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.models import (
    DSRL,
    DeepLabV3Plus,
    dual_super_resolution,
    inference_model,
    replace_classifier,
    select_outputs,
)
from keras_seg.models.super_resolution import (
    Place,
    enlarge,
    extend_fully,
    extend_lightly,
    reconstruct,
)
from keras_seg.training import named_targets, synchronize_batch_norm
from tests.models.networks import (
    cheap_deeplab,
    tiny_cpnet,
    tiny_dsrl,
    tiny_hanet,
    tiny_norm_network,
)
from tests.ops.references import resize_bilinear

WEIGHTS = {"segmentation": 1.0, "super_resolution": 0.1, "feature_affinity": 1.0}
BRANCHES = ("sisr", "feature_transform")


def sample(height=32, width=48, batch=2, classes=4):
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (batch, height, width, 3)).astype("float32")
    labels = rng.integers(0, classes, (batch, height, width)).astype("int32")
    labels[:, :3] = 255
    return images, labels


def compiled(model, optimizer="sgd", metrics=None):
    loss = {
        "segmentation": SegmentationCrossentropy(),
        "super_resolution": "mse",
        "feature_affinity": OutputLoss(),
    }
    names = model.output.keys()
    model.compile(
        optimizer,
        loss={name: loss[name] for name in names},
        loss_weights={name: WEIGHTS[name] for name in names},
        metrics=metrics,
    )
    return model


@pytest.mark.parametrize("size", [(32, 48), (37, 50), (21, 9)])
@pytest.mark.parametrize("scale", [2, 3])
def test_outputs_are_so_many_times_as_large(scale, size):
    model = tiny_dsrl(scale=scale, auxiliary_head=True)
    images, _ = sample(*size)
    outputs = model(images)
    height, width = (scale * side for side in size)
    assert {name: tuple(x.shape) for name, x in outputs.items()} == {
        "segmentation": (2, height, width, 4),
        "auxiliary": (2, height, width, 4),
        "super_resolution": (2, height, width, 3),
        "feature_affinity": (2,),
    }


@pytest.mark.parametrize("extend", [extend_lightly, extend_fully])
@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3, 4, 16])
def test_cells_grow_about_their_centers(stride, scale, extend):
    """With kernels of ones, a lone cell becomes a blot around its place."""
    image = keras.Input((None, None, 3))
    x = keras.Input((None, None, 1))
    place = Place(image, 1, scale)
    features, _ = reconstruct(x, stride, place, (1, 1, 1))
    extended, reach = extend(x, stride, place, (1, 1))
    outputs = [enlarge(extended, reach, place, name="extended"), features]
    model = keras.Model([x, image], outputs)
    for weight in model.trainable_weights:
        if weight.path.endswith("kernel"):
            weight.assign(np.full(weight.shape, 0.01))
    cells = np.zeros((1, 11, 12, 1), "float32")
    cells[0, 4, 5] = 1
    # The last cells reach beyond the image.
    size = (11 * stride - (stride - 1), 12 * stride - stride // 2)
    for blot in model([cells, np.zeros((1, *size, 3))]):
        assert blot.shape == (1, scale * size[0], scale * size[1], 1)
        weights = np.float64(blot)[0, ..., 0]
        center = (np.indices(weights.shape) * weights).sum((1, 2)) / weights.sum()
        expected = (np.array([4, 5]) + 0.5) * stride * scale - 0.5
        np.testing.assert_allclose(center, expected, atol=1e-3)


def test_losses_are_those_of_the_paper():
    model = compiled(tiny_dsrl())
    images, labels = sample()
    batches = tf.data.Dataset.from_tensors((images, labels))
    batches = batches.map(named_targets(model, scale=2)).as_numpy_iterator()
    inputs, targets = next(batches)
    logs = model.test_on_batch(inputs, targets, return_dict=True)
    outputs = {k: np.float64(v) for k, v in model(inputs, training=False).items()}

    logits = outputs["segmentation"]
    logits -= logits.max(axis=-1, keepdims=True)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    valid = labels != 255
    picked = np.take_along_axis(
        log_probabilities, np.where(valid, labels, 0)[..., None], -1
    )[..., 0]
    crossentropy = -picked[valid].mean()
    mse = ((outputs["super_resolution"] - images / 255.0) ** 2).mean()
    # The affinity from the branches' features themselves.
    layer = model.get_layer("affinity")
    pair = layer._inbound_nodes[0].input_tensors
    pair = [np.float64(x) for x in keras.Model(model.input, pair)(inputs)]
    similarities = []
    for x in pair:
        # A cell is four predictions wide, which is what is compared.
        assert x.shape[1:3] == (8, 12) and layer.subscale == 1
        x = x.reshape(2, 8 * 12, -1)
        lengths = np.linalg.norm(x, axis=-1, keepdims=True)
        x /= np.where(lengths > 0, lengths, 1)
        similarities.append(x @ x.transpose(0, 2, 1))
    affinity = np.abs(similarities[0] - similarities[1]).mean()

    expected = crossentropy + 0.1 * mse + 1.0 * affinity
    np.testing.assert_allclose(logs["loss"], expected, rtol=1e-5)
    assert affinity > 0.01 and mse > 0.01


def test_every_part_learns():
    """In one public code, the second branch was never given to the optimizer."""
    model = compiled(tiny_dsrl(), keras.optimizers.SGD(0.1))
    images, labels = sample()
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat(2)
    before = [np.array(w) for w in model.trainable_weights]
    model.fit(batches.map(named_targets(model, scale=2)), verbose=0)
    for old, weight in zip(before, model.trainable_weights, strict=True):
        assert (np.array(weight) != old).any(), weight.path


def test_the_affinity_teaches_both_branches():
    model = tiny_dsrl()
    inputs, _ = sample()
    model.compile(keras.optimizers.SGD(1.0), {"feature_affinity": OutputLoss()})
    before = [np.array(w) for w in model.trainable_weights]
    model.train_on_batch(inputs, {"feature_affinity": np.zeros(len(inputs))})
    moved = {
        weight.path.split("/")[0]
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if np.abs(np.array(weight) - old).max() > 0
    }
    assert {"sisr_sub_pixel", "sssr_conv", "feature_transform"} <= moved
    assert "sisr_rgb" not in moved and "segmentation_classifier" not in moved


# Weights beside those of DeepLabV3+: of the extended decoder and of classifiers.
ADDED = {
    # Its classifier, of 8 channels, is replaced by one of 6.
    "full": (8 * 8 + 4 * 8) + (16 * 8 * 8 + 4 * 8) + (16 * 8 * 6 + 4 * 6) - 2 * 4,
    # The sub-pixel convolution has a bias; the other one is separable. The second
    # classifier predicts the detail.
    "light": (8 * 32 + 32 + 4 * 8) + (9 * 8 + 4 * 8) + (8 * 6 + 4 * 6) + (6 * 4 + 4),
}


def plain_network():
    return DeepLabV3Plus(4, tiny_norm_network(), 8, filters=8, low_level_filters=4)


@pytest.mark.parametrize("extension", ["light", "full"])
def test_inference_is_free_of_the_branches(extension):
    model = tiny_dsrl(extension=extension)
    images, labels = sample()
    batches = tf.data.Dataset.from_tensors((images, labels))
    compiled(model).fit(batches.map(named_targets(model, scale=2)), verbose=0)
    network = inference_model(model)
    low = low_resolution(tf.constant(images), 2)
    np.testing.assert_array_equal(
        network.predict(low, verbose=0), model.predict(low, verbose=0)["segmentation"]
    )
    parameters = plain_network().count_params() + ADDED[extension]
    assert network.count_params() == parameters
    assert model.count_params() > parameters


def test_the_light_extension_adds_detail_to_a_coarse_prediction():
    model = tiny_dsrl()
    for weight in model.get_layer("segmentation_detail_classifier").weights:
        weight.assign(np.zeros(weight.shape))
    features = keras.Model(model.input, model.get_layer("segmentation_dropout").input)
    images, _ = sample()
    x = np.float64(features(images))
    kernel, bias = map(np.float64, model.get_layer("segmentation_classifier").weights)
    coarse = x @ kernel[0, 0] + bias
    for size in (16, 24), (64, 96):  # at stride 4, and of the prediction
        coarse = resize_bilinear(coarse, size, align_corners=False)
    logits = model(images)["segmentation"]
    np.testing.assert_allclose(logits, coarse, rtol=1e-4, atol=1e-5)


@pytest.mark.backend("tensorflow", "operations of graphs, SavedModels")
def test_what_is_served_is_free_of_the_branches(tmp_path):
    model = tiny_dsrl(extension="full")
    network, plain = inference_model(model), plain_network()
    # Height and width are multiples of every stride here.
    pixels = 64 * 96
    convolutions = 8 * 8 / 16 + 16 * 8 * 8 / 4 + 16 * 8 * 6 + 4 * 6 * 4
    work = flops(network, (64, 96)) - flops(plain, (64, 96))
    # Besides the convolutions there are some operations a value: norms, resizing.
    expected = 2 * pixels * (convolutions - 8 * 4 / 16)
    assert expected < work < 1.15 * expected

    path = export_saved_model(model, tmp_path / "1")
    stored = collections.Counter()
    for name, shape in tf.train.list_variables(str(path / "variables" / "variables")):
        if name.endswith("VARIABLE_VALUE"):
            stored[name.split("/")[0]] += int(np.prod(shape))
    assert stored == {"weights": network.count_params()}


@pytest.mark.backend("tensorflow", "operations of graphs")
def test_the_light_extension_adds_a_tenth_at_most():
    """The paper's point: more at the same cost, here beside the least decoder."""
    backbone = build("efficientnet_lite_b0", output_stride=16)
    options = {"filters": 128, "separable": True}
    plain = flops(DeepLabV3Plus(11, backbone, **options), (180, 240))
    model = inference_model(DSRL(11, backbone, **options))
    assert model.output_shape[-1] == 11
    assert plain < flops(model, (180, 240)) <= 1.10 * plain


def test_names_of_what_inference_leaves_out():
    model = tiny_dsrl()
    kept = {w.path for w in inference_model(model).weights}
    left = {w.path for w in model.weights} - kept
    assert left and all(path.startswith(BRANCHES) for path in left)
    assert not any(path.startswith(BRANCHES) for path in kept)


def test_stages_share_their_weights():
    model = tiny_dsrl()
    stages = [select_outputs(model, list(WEIGHTS)[: 1 + number]) for number in range(3)]
    assert [sorted(stage.output) for stage in stages] == [
        ["segmentation"],
        ["segmentation", "super_resolution"],
        ["feature_affinity", "segmentation", "super_resolution"],
    ]
    assert stages[0].count_params() == inference_model(model).count_params()
    counts = [stage.count_params() for stage in stages]
    assert counts == sorted(set(counts)) and counts[-1] == model.count_params()
    images, labels = sample()
    batches = tf.data.Dataset.from_tensors((images, labels))
    for stage in stages:
        data = batches.map(named_targets(stage, scale=2))
        compiled(stage).fit(data, verbose=0)
    low = low_resolution(tf.constant(images), 2)
    np.testing.assert_array_equal(
        stages[0](low)["segmentation"], stages[2](low)["segmentation"]
    )


@pytest.mark.parametrize("names", [[], ["segmentation", "depth"]])
def test_rejects_outputs_that_are_not_there(names):
    with pytest.raises(ValueError, match="must be one or more of the outputs"):
        select_outputs(tiny_dsrl(), names)


def test_saving_and_other_classes(tmp_path):
    model = tiny_dsrl(auxiliary_head=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    images, _ = sample()
    expected, outputs = model(images), loaded(images)
    for name, value in expected.items():
        np.testing.assert_array_equal(outputs[name], value)
    other = replace_classifier(loaded, 7)(images)
    assert other["segmentation"].shape[-1] == other["auxiliary"].shape[-1] == 7
    np.testing.assert_array_equal(
        other["super_resolution"], expected["super_resolution"]
    )


def test_trains_on_two_replicas_as_on_one(two_replicas, float64_policy):
    """In float64: rounding would carry some pixels from one class to another."""
    images, labels = sample(batch=4)
    histories = []
    for strategy in (None, two_replicas):
        keras.utils.set_random_seed(0)
        scope = strategy or tf.distribute.get_strategy()
        with scope.scope():
            model = tiny_dsrl(dropout_rate=0.0)
            synchronize_batch_norm(model)
            metrics = {"segmentation": [MeanIoU(4)]}
            compiled(model, keras.optimizers.SGD(0.01), metrics)
        data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(4)
        data = data.map(named_targets(model, scale=2))
        histories.append(model.fit(data, epochs=3, verbose=0, shuffle=False).history)
    single, mirrored = histories
    for name in ("loss", "segmentation_mean_iou"):
        np.testing.assert_allclose(mirrored[name], single[name], rtol=1e-6)


def test_mixed_precision_keeps_the_outputs_in_float32(mixed_policy):
    images, _ = sample()
    outputs = tiny_dsrl(auxiliary_head=True)(images)
    dtypes = {keras.backend.standardize_dtype(x.dtype) for x in outputs.values()}
    assert dtypes == {"float32"}


# The wrapper, around other models.


def heat_map_model(stride=4, size=(None, None)):
    x = image = keras.Input((*size, 3), name="photo")
    for number, filters in enumerate((8, 12, 16), 1):
        conv = keras.layers.Conv2D(filters, 3, 2, "same", name=f"stage{number}")
        x = keras.layers.Activation("relu")(conv(x))
    x = keras.layers.Conv2DTranspose(10, 4, 8 // stride, "same", name="last")(x)
    maps = keras.layers.Conv2D(5, 1, activation="sigmoid", name="maps")(x)
    return keras.Model(image, maps, name="pose")


def test_heat_maps_at_a_stride():
    """Nothing knows of a segmentation."""
    model = dual_super_resolution(
        heat_map_model(),
        encoder="stage3",
        features="last",
        output="heat_maps",
        activation="sigmoid",
        affinity_subscale=2,
    )
    assert model.name == "pose_dsrl"
    # Twice the resolution of maps at stride 4, of an image of 40 x 56.
    images = 255 * np.random.default_rng(0).random((2, 40, 56, 3), dtype="float32")
    outputs = model(low_resolution(images, 2))
    assert outputs["heat_maps"].shape == (2, 10, 14, 5)
    heat_maps = keras.ops.convert_to_numpy(outputs["heat_maps"])
    assert 0 <= heat_maps.min() and heat_maps.max() <= 1
    assert outputs["super_resolution"].shape == (2, 40, 56, 3)
    network = inference_model(model, output="heat_maps")
    np.testing.assert_array_equal(
        network(low_resolution(images, 2)), outputs["heat_maps"]
    )
    assert not any(w.path.startswith(BRANCHES) for w in network.weights)

    loss = {"heat_maps": "mse", "super_resolution": "mse"}
    model.compile("sgd", loss | {"feature_affinity": OutputLoss()})
    maps = np.zeros((2, 10, 14, 5), "float32")
    data = tf.data.Dataset.from_tensors((images, maps))
    model.fit(data.map(named_targets(model, scale=2)), verbose=0)


def test_a_model_of_one_size():
    model = dual_super_resolution(
        heat_map_model(size=(24, 32)),
        encoder="stage3",
        features="last",
        output="heat_maps",
    )
    shapes = {name: x.shape[1:3] for name, x in model.output.items()}
    assert shapes["super_resolution"] == (48, 64)
    assert shapes["heat_maps"] == (12, 16)


def test_a_size_that_is_no_multiple_of_the_stride():
    """97 pixels have 13 cells at stride 8, which is not the nearest quotient."""
    model = dual_super_resolution(
        heat_map_model(stride=8, size=(97, 97)), encoder="stage3", features="last"
    )
    assert model.output["segmentation"].shape == (None, 25, 25, 5)


def test_the_wrapped_model_lends_its_layers():
    plain = heat_map_model()
    names = {"encoder": "stage3", "features": "last", "output": "maps"}
    model = dual_super_resolution(plain, **names)
    assert model.get_layer("stage2") is plain.get_layer("stage2")
    images = np.ones((1, 24, 32, 3), "float32")
    assert plain(images).shape == (1, 6, 8, 5)


@pytest.mark.parametrize("channels", [1, 4])
def test_images_of_other_channels(channels):
    image = keras.Input((None, None, channels))
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="x")(image)
    model = keras.Model(image, keras.layers.Conv2D(3, 1)(x))
    dual = dual_super_resolution(model, encoder="x", features="x")
    loss = {name: OutputLoss() for name in dual.output}
    dual.compile("sgd", loss | {"super_resolution": "mse"})
    images, labels = np.ones((1, 32, 32, channels)), np.zeros((1, 32, 32), "int32")
    batches = tf.data.Dataset.from_tensors((images, labels)).map(named_targets(dual))
    assert np.isfinite(dual.evaluate(batches, verbose=0)).all()


def test_positions_of_rows_go_in_too():
    model = dual_super_resolution(tiny_hanet(positions=True), affinity_subscale=2)
    images, labels = sample(64, 96, classes=3)
    rows = np.repeat(np.arange(64, dtype="int32")[None], 2, 0)
    data = tf.data.Dataset.from_tensors(((images, rows), labels))
    compiled(model).fit(data.map(named_targets(model, scale=2)), verbose=0)
    assert inference_model(model)(images).shape[:3] == (2, 128, 192)


def test_other_outputs_stay_or_grow():
    plain = tiny_cpnet(auxiliary_head=True)
    model = dual_super_resolution(plain, affinity_subscale=2)
    images, _ = sample(40, 48)
    outputs, before = model(images), plain(images)
    assert outputs["auxiliary"].shape == outputs["segmentation"].shape
    assert outputs["segmentation"].shape[1:3] == (80, 96)
    np.testing.assert_allclose(outputs["context_prior"], before["context_prior"], 1e-5)
    # Enlarged bilinearly: the means of blocks are close to what they were.
    means = low_resolution(np.array(outputs["auxiliary"]), 2)
    np.testing.assert_allclose(
        means[:, 1:-1, 1:-1], before["auxiliary"][:, 1:-1, 1:-1], atol=0.1
    )


def test_a_network_that_is_called_as_a_layer(tmp_path):
    network = cheap_deeplab(auxiliary_head=True)
    image = keras.Input((None, None, 3))
    model = dual_super_resolution(keras.Model(image, network(image)))
    model.save(tmp_path / "dual.keras")
    loaded = keras.saving.load_model(tmp_path / "dual.keras")
    images, _ = sample()
    outputs, found = model(images), loaded(images)
    assert outputs.keys() == found.keys() >= {"segmentation", "auxiliary"}
    for name, tensor in outputs.items():
        np.testing.assert_allclose(found[name], tensor, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("structure", [dict, list])
def test_outputs_with_the_names_of_their_layers(structure):
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="x")(image)
    outputs = {
        name: keras.layers.Conv2D(3, 1, name=name)(x) for name in ("main", "other")
    }
    model = keras.Model(image, outputs if structure is dict else [*outputs.values()])
    model = dual_super_resolution(
        model, encoder="x", features="x", output="main", affinity_subscale=2
    )
    found = model(np.zeros((1, 16, 24, 3)))
    assert found["main"].shape == found["other"].shape == (1, 32, 48, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 1}, "`scale` must be an integer above 1"),
        ({"scale": 1.5}, "`scale` must be an integer above 1"),
        ({"extension": "none"}, "`extension` must be one of"),
        ({"encoder": "stage9"}, "'stage9', which 'pose' calls 0 times"),
        ({"features": None}, "`features` must name a layer of 'pose'"),
        ({"features": "stage1"}, "stride of the last features"),
        ({"extension_filters": (4,)}, "`extension_filters` must be 2 positive"),
        ({"extension_filters": (0, 4)}, "Received: extension_filters=0"),
        ({"reconstruction_filters": 8}, "`reconstruction_filters` must be 3 positive"),
    ],
)
def test_rejects(arguments, message):
    names = {"encoder": "stage3", "features": "last", "output": "heat_maps"}
    with pytest.raises(ValueError, match=message):
        dual_super_resolution(heat_map_model(), **names | arguments)


def test_rejects_maps_off_the_grid():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, 2, "valid", name="x")(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(x))
    with pytest.raises(ValueError, match=r"ceil\(size / stride\) cells"):
        dual_super_resolution(model, encoder="x", features="x")
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    model = keras.Model(image, keras.layers.Dense(2)(pooled))
    with pytest.raises(ValueError, match="output is a feature map"):
        dual_super_resolution(model, encoder="pooled", features="x")


def test_rejects_an_output_that_is_no_map():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="x")(image)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    with pytest.raises(ValueError, match=r"name of a map.*\(None, 4\)"):
        dual_super_resolution(model, encoder="x", features="x")


def test_rejects_an_output_that_is_not_there():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="x")(image)
    model = keras.Model(image, {"depth": x, "normals": x})
    with pytest.raises(ValueError, match="`output` must be the name of an output"):
        dual_super_resolution(model, encoder="x", features="x")
    with pytest.raises(ValueError, match='an output named "segmentation"'):
        inference_model(model)
