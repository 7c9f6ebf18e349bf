"""Learning rates and weight decays by part of a model, as PyTorch has them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from keras_seg.backbones import feature_pyramid
from keras_seg.backbones.feature_pyramid_model import FeaturePyramid
from keras_seg.models import DeepLabV3Plus, SPNet
from keras_seg.training import SGD, AdamW, callbacks
from tests.backbones import networks

STEPS = 8
# By part: the factor of the rate, and the weight decay.
GROUPS = {"backbone": (0.1, 0.3), "attention": (2.0, 0.05), "other": (1.0, 0.5)}
OPTIONS = {
    "weight_decay": 0.5,
    "rate_groups": {"backbone": 0.1, "attention": 2},
    "decay_groups": {"backbone": 0.3, "attention": 0.05},
}


def poly(step):
    return 0.1 * (1 - step / STEPS) ** 0.9


def schedule():
    return keras.optimizers.schedules.PolynomialDecay(0.1, STEPS, 0.0, power=0.9)


def gradients():
    """Of the three parts at each step, with a sparse one and a large one."""
    found = np.random.default_rng(0).normal(size=(STEPS, 3))
    found[2, 0], found[5, 1] = 0, 40
    return found


def pytorch_sgd(w, gradients, factor, decay, momentum=0.9, nesterov=False):
    """`torch.optim.SGD`, with a scheduler that sets the rate of each step."""
    w, buffer, path = np.float64(w), np.float64(0), []
    for step, gradient in enumerate(gradients):
        gradient = gradient + decay * w
        buffer = momentum * buffer + gradient
        direction = gradient + momentum * buffer if nesterov else buffer
        w = w - factor * poly(step) * direction
        path.append(w)
    return np.array(path)


def pytorch_adamw(w, gradients, factor, decay, betas=(0.9, 0.999), epsilon=1e-7):
    """`torch.optim.AdamW`, with a scheduler that sets the rate of each step."""
    w, first, second, path = np.float64(w), np.float64(0), np.float64(0), []
    for step, gradient in enumerate(gradients):
        rate = factor * poly(step)
        w = w * (1 - rate * decay)
        first = betas[0] * first + (1 - betas[0]) * gradient
        second = betas[1] * second + (1 - betas[1]) * gradient**2
        corrections = [1 - beta ** (step + 1) for beta in betas]
        denominator = np.sqrt(second) / np.sqrt(corrections[1]) + epsilon
        w = w - rate / corrections[0] * first / denominator
        path.append(w)
    return np.array(path)


def variables():
    found = []
    for part in GROUPS:
        with keras.name_scope(part):
            found.append(keras.Variable(5.0, name="kernel"))
    return found


def run(optimizer, gradients, traced=False):
    """The values `(steps, parts)` that an optimizer steps through."""
    parts = variables()
    optimizer.build(parts)
    path = []

    def step(row):
        optimizer.apply_gradients(zip(row, parts, strict=True))

    step = tf.function(step, autograph=False) if traced else step
    for row in gradients:
        step([tf.constant(value, "float32") for value in row])
        path.append([float(ops.convert_to_numpy(part)) for part in parts])
    return np.array(path)


def expected(reference, gradients, **options):
    paths = [
        reference(5.0, column, *group, **options)
        for column, group in zip(gradients.T, GROUPS.values(), strict=True)
    ]
    return np.stack(paths, axis=1)


@pytest.mark.parametrize("traced", [False, True])
@pytest.mark.parametrize(
    ("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)]
)
def test_sgd_steps_as_pytorchs(momentum, nesterov, traced):
    optimizer = SGD(schedule(), momentum, nesterov, **OPTIONS)
    found = run(optimizer, gradients(), traced)
    options = {"momentum": momentum, "nesterov": nesterov}
    reference = expected(pytorch_sgd, gradients(), **options)
    np.testing.assert_allclose(found, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("traced", [False, True])
def test_adamw_steps_as_pytorchs(traced):
    found = run(AdamW(schedule(), **OPTIONS), gradients(), traced)
    reference = expected(pytorch_adamw, gradients())
    np.testing.assert_allclose(found, reference, rtol=1e-5, atol=1e-5)


def test_sgd_is_made_with_the_papers_numbers():
    found = run(SGD(schedule(), **OPTIONS), gradients())
    reference = expected(pytorch_sgd, gradients())
    np.testing.assert_allclose(found, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD, keras.optimizers.AdamW])
def test_without_groups_keras_takes_the_same_rates(optimizer):
    """At a constant rate without decay, where Keras and PyTorch agree."""
    ours = {keras.optimizers.SGD: SGD, keras.optimizers.AdamW: AdamW}[optimizer]
    options = {"weight_decay": 0.0}
    if optimizer is keras.optimizers.SGD:
        options["momentum"] = 0.9
    found = [run(make(0.1, **options), gradients()) for make in (ours, optimizer)]
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize(
    ("optimizer", "reference"), [(SGD, pytorch_sgd), (AdamW, pytorch_adamw)]
)
def test_gradients_are_clipped_before_they_decay(optimizer, reference):
    """As `clip_grad_norm_` over all parts does, which knows of no groups."""
    clipped = gradients()
    norms = np.linalg.norm(clipped, axis=1, keepdims=True)
    clipped = clipped * np.minimum(1, 1.5 / norms)
    options = {"momentum": 0.9} if optimizer is SGD else {}
    found = run(
        optimizer(schedule(), global_clipnorm=1.5, **OPTIONS, **options), gradients()
    )
    np.testing.assert_allclose(found, expected(reference, clipped), 1e-5, 1e-5)


@pytest.mark.keras3("Keras 2 does not accumulate gradients")
def test_accumulated_gradients_step_once():
    """Keras's schedule sees every batch, so that the rate is that of each second."""
    optimizer = AdamW(schedule(), gradient_accumulation_steps=2, **OPTIONS)
    found = run(optimizer, gradients(), traced=True)
    np.testing.assert_array_equal(found[1:-1:2], found[2::2])
    mean = gradients()[:2].mean(axis=0)
    for value, gradient, (factor, decay) in zip(
        found[1], mean, GROUPS.values(), strict=True
    ):
        rate = factor * poly(1)  # the first step of Adam is the rate itself
        reference = 5 * (1 - rate * decay) - rate * np.sign(gradient)
        np.testing.assert_allclose(value, reference, rtol=1e-4)


@pytest.mark.keras3("Keras 2 does not accumulate gradients")
@pytest.mark.parametrize("make", [SGD, AdamW])
def test_accumulation_is_refused_under_a_strategy(make, two_replicas):
    """Keras fails there at the first step, within `tf.distribute`."""
    with two_replicas.scope(), pytest.raises(ValueError, match="Give larger batches"):
        make(0.1, gradient_accumulation_steps=2)


@pytest.mark.parametrize("make", [SGD, AdamW])
def test_averages_do_not_overwrite_weights_under_a_strategy(make, two_replicas):
    """Keras fails there at the first step, within `tf.distribute`."""
    options = {"use_ema": True, "ema_overwrite_frequency": 2}
    with two_replicas.scope(), pytest.raises(ValueError, match="overwrite_freq"):
        make(0.1, **options)
    make(0.1, **options)


@pytest.mark.keras3("Keras 2 knows neither name nor accumulation")
@pytest.mark.parametrize("make", [SGD, AdamW])
def test_every_keyword_of_keras_is_taken_and_kept(make):
    options = {
        "global_clipnorm": 2.0,
        "use_ema": True,
        "ema_momentum": 0.9,
        "ema_overwrite_frequency": 7,
        "gradient_accumulation_steps": 3,
        "loss_scale_factor": 4.0,
        "name": "mine",
    }
    optimizer = make(0.1, **options, rate_groups={"backbone": 0.1})
    clone = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(clone) is type(optimizer)
    config = clone.get_config()
    assert config == optimizer.get_config()
    assert {name: config[name] for name in options} == options
    assert config["rate_groups"] == {"backbone": 0.1}


@pytest.mark.keras3("Keras 2 scales and unscales losses by hand")
def test_scaled_losses_step_the_same():
    scaled = keras.optimizers.LossScaleOptimizer(
        SGD(schedule(), **OPTIONS), initial_scale=4.0
    )
    found = run(scaled, 4 * gradients(), traced=True)
    reference = expected(pytorch_sgd, gradients())
    np.testing.assert_allclose(found, reference, rtol=1e-5, atol=1e-5)


def test_variables_may_be_left_out_of_the_decay():
    optimizer = SGD(schedule(), **OPTIONS)
    optimizer.exclude_from_weight_decay(var_names=["kernel"])
    found = run(optimizer, gradients())
    for value, gradient, (factor, _) in zip(
        found.T, gradients().T, GROUPS.values(), strict=True
    ):
        reference = pytorch_sgd(5.0, gradient, factor, 0.0)
        np.testing.assert_allclose(value, reference, rtol=1e-5, atol=1e-5)


def test_the_first_key_that_fits_counts():
    groups = {"backbone/kernel": 0.0, "backbone": 0.2}
    optimizer = AdamW(0.1, weight_decay=0.5, decay_groups=groups, rate_groups=groups)
    found = run(optimizer, gradients())
    assert (found[:, 0] == 5).all() and (found[:, 2] != 5).all()


def test_it_is_built_once():
    """Keras keeps the order of the first time, and so do the groups."""
    parts = variables()
    optimizer = AdamW(0.1, weight_decay=0.5, rate_groups={"backbone": 0.0})
    optimizer.build(parts)
    optimizer.build(parts[::-1])
    optimizer.apply_gradients(zip([tf.ones(())] * 3, parts, strict=True))
    assert [float(ops.convert_to_numpy(w)) == 5 for w in parts] == [True, False, False]


def test_a_decay_for_one_part_alone():
    optimizer = SGD(0.1, momentum=0.0, decay_groups={"backbone": 0.5})
    assert optimizer.weight_decay is None
    found = run(optimizer, np.zeros((1, 3)))
    np.testing.assert_allclose(found, [[5 * 0.95, 5, 5]])


@pytest.mark.parametrize("argument", ["decay_groups", "rate_groups"])
@pytest.mark.parametrize("make", [SGD, AdamW])
def test_a_group_without_variables_is_an_error(make, argument):
    optimizer = make(0.1, weight_decay=0.1, **{argument: {"atention": 0.2}})
    message = f"`{argument}` must be .*'atention'; the paths begin with attention, back"
    with pytest.raises(ValueError, match=message):
        optimizer.build(variables())


@pytest.mark.parametrize("groups", ["backbone", ["backbone"], 0.1])
def test_rejects_groups_that_are_no_dict(groups):
    with pytest.raises(ValueError, match="`rate_groups` must be a dict"):
        SGD(0.1, rate_groups=groups)


def test_takes_and_saves_numbers_of_numpy():
    config = AdamW(0.1, rate_groups={"backbone": np.float32(0.5)}).get_config()
    assert json.loads(json.dumps(config["rate_groups"])) == {"backbone": 0.5}


@pytest.mark.parametrize("argument", ["decay_groups", "rate_groups"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None])
def test_rejects_bad_values(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be .*Received: .'back"):
        SGD(0.1, **{argument: {"backbone": value}})
    with pytest.raises(ValueError, match=f"`{argument}` must be .*Received: .7: 0.1"):
        AdamW(0.1, **{argument: {7: 0.1}})


def run_on_replicas(optimizer, gradients, replicas):
    """The last values, where each replica has an equal share of the gradients."""
    with replicas.scope():
        parts = variables()
        optimizer = optimizer()
        optimizer.build(parts)
    shares = tf.constant(gradients / replicas.num_replicas_in_sync, "float32")

    @tf.function(autograph=False)
    def step(row):
        replicas.run(
            lambda: optimizer.apply_gradients(zip(tf.unstack(row), parts, strict=True))
        )

    for share in shares:
        step(share)
    return [float(ops.convert_to_numpy(part)) for part in parts]


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_replicas_have_the_groups_of_one_device(kind, two_replicas):
    """While a step is traced, they take turns."""
    make, reference = (SGD, pytorch_sgd) if kind == "sgd" else (AdamW, pytorch_adamw)
    found = run_on_replicas(
        lambda: make(schedule(), **OPTIONS), gradients()[:-1], two_replicas
    )
    np.testing.assert_allclose(found, expected(reference, gradients())[-2], 1e-5)


@pytest.mark.parametrize(
    "clip", [{"global_clipnorm": 0.5}, {"clipnorm": 0.3}, {"clipvalue": 0.2}]
)
@pytest.mark.parametrize("make", [SGD, AdamW])
def test_replicas_clip_the_sum_of_their_gradients(make, clip, two_replicas):
    found = run_on_replicas(
        lambda: make(schedule(), **clip, **OPTIONS), gradients()[:-1], two_replicas
    )
    reference = run(make(schedule(), **clip, **OPTIONS), gradients())[-2]
    np.testing.assert_allclose(found, reference, 1e-5)


@pytest.mark.keras3("Keras 2 passes nothing from one variable's update to the next")
def test_variables_share_what_is_equal_for_all():
    parts = variables()
    optimizer = AdamW(schedule(), **OPTIONS)
    optimizer.build(parts)

    @tf.function(autograph=False)
    def step(row):
        optimizer.apply_gradients(zip(tf.unstack(row), parts, strict=True))

    graph = step.get_concrete_function(tf.TensorSpec((3,))).graph
    powers = [op for op in graph.get_operations() if op.type == "Pow"]
    assert len(powers) == 3  # of both betas, and that of the schedule


@pytest.mark.parametrize("network", [SPNet, DeepLabV3Plus])
def test_a_networks_backbone_is_a_group(network, tmp_path):
    """Strip poolings that SPNet puts into the backbone belong to it."""
    options = {"pool_sizes": (2, 1)} if network is SPNet else {}
    model = network(3, feature_pyramid(networks.residual("same"), 16), 16, **options)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        # Sorted, because paths are not unique on Keras 2.
        own = sorted(w.path for w in each.get_layer("backbone").trainable_variables)
        optimizer = SGD(0.1, momentum=0.0, rate_groups={"backbone": 0.0})
        optimizer.build(each.trainable_variables)
        before = [ops.convert_to_numpy(w) for w in each.trainable_variables]
        optimizer.apply_gradients(
            [(ops.ones_like(w), w) for w in each.trainable_variables]
        )
        still = sorted(
            w.path
            for w, old in zip(each.trainable_variables, before, strict=True)
            if (ops.convert_to_numpy(w) == old).all()
        )
        assert still == own and 10 < len(own) < len(before)


def two_parts(kind):
    """A small network with a nested "backbone" and a head, compiled."""
    features = keras.Input((4, 4, 3))
    with keras.name_scope("backbone"):
        start = keras.initializers.Constant(0.1)
        conv = layers.Conv2D(4, 2, 2, activation="tanh", kernel_initializer=start)
        x = conv(features)
    inputs = keras.Input((4, 4, 3))
    x = FeaturePyramid(features, {"level1": x}, name="backbone")(inputs)["level1"]
    x = layers.Flatten()(x)
    x = layers.Dense(2, kernel_initializer="ones", name="head")(x)
    rate = keras.optimizers.schedules.PolynomialDecay(0.1, 12, 0.0, power=0.9)
    optimizer = (SGD if kind == "sgd" else AdamW)(
        rate,
        weight_decay=0.1,
        rate_groups={"backbone": 0.1},
        decay_groups={"head": 0.01},
    )
    model = keras.Model(inputs, x)
    model.compile(optimizer, "mse")
    return model


def fit(model, **options):
    rng = np.random.default_rng(0)
    options = {"batch_size": 4, "shuffle": False, "verbose": 0, **options}
    x, y = rng.normal(size=(12, 4, 4, 3)), rng.normal(size=(12, 2))
    model.fit(x, y, validation_data=(x, y), **options)


def assert_same(one, two):
    for mine, other in zip(one.weights, two.weights, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_a_loaded_model_trains_on_bit_for_bit(kind, tmp_path):
    model = two_parts(kind)
    fit(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        fit(each)
    assert_same(model, loaded)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


class Interrupt(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_an_interrupted_run_ends_where_an_undisturbed_one_does(kind, tmp_path):
    def start(folder, *extra):
        model = two_parts(kind)
        found = callbacks(tmp_path / folder, monitor="val_loss")
        fit(model, epochs=3, callbacks=[*found, *extra])
        return model

    undisturbed = start("one")
    with pytest.raises(KeyboardInterrupt):
        start("two", Interrupt())
    assert_same(undisturbed, start("two"))
