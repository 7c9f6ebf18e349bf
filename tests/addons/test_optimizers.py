"""The optimizers of tensorflow-addons train this package's layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seg.losses import SegmentationCrossentropy
from keras_seg.training import callbacks, synchronize_batch_norm
from tests.addons.network import samples, small_network

tfa = pytest.importorskip(
    "tensorflow_addons", reason="tensorflow-addons is not installed"
)
SGD = keras.optimizers.legacy.SGD


def by_part(backbone, others):
    """Learning rates by part, as docs/guides/addons.md shows them."""

    def optimizer(model):
        heads = [layer for layer in model.layers if layer.name != "backbone"]
        return tfa.optimizers.MultiOptimizer(
            [(SGD(backbone), model.get_layer("backbone")), (SGD(others), heads)]
        )

    return optimizer


OPTIMIZERS = {
    "LAMB": lambda model: tfa.optimizers.LAMB(0.02),
    "Lookahead": lambda model: tfa.optimizers.Lookahead(SGD(0.2), sync_period=3),
    "SWA": lambda model: tfa.optimizers.SWA(SGD(0.2), start_averaging=4),
    "MovingAverage": lambda model: tfa.optimizers.MovingAverage(SGD(0.2)),
    "MultiOptimizer": by_part(0.02, 0.2),
    "SGDW": lambda model: tfa.optimizers.SGDW(1e-4, 0.2, momentum=0.5),
}
each = pytest.mark.parametrize("name", OPTIMIZERS)


def compiled(optimizer):
    keras.utils.set_random_seed(0)
    model = small_network()
    synchronize_batch_norm(model)
    model.compile(optimizer(model), SegmentationCrossentropy())
    return model


def losses(model, **options):
    history = model.fit(*samples(), batch_size=4, shuffle=False, verbose=0, **options)
    return history.history["loss"]


@each
def test_networks_learn(name):
    found = losses(compiled(OPTIMIZERS[name]), epochs=12)
    assert found[-1] < 0.97 * found[0]


@pytest.mark.parametrize("name", ["LAMB", "SGDW"])
def test_two_replicas_train_as_one_device(name, two_replicas):
    """The others fail there on any model; docs/guides/addons.md says so."""
    found = []
    for strategy in (tf.distribute.get_strategy(), two_replicas):
        with strategy.scope():
            model = compiled(OPTIMIZERS[name])
        found.append(losses(model, epochs=4))
    np.testing.assert_allclose(*found, rtol=1e-4)


@each
def test_a_run_that_was_killed_ends_the_same(name, tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def run(*extra):
        found = [*callbacks(tmp_path / "run", "loss"), *extra]
        return losses(compiled(OPTIMIZERS[name]), epochs=4, callbacks=found)

    undisturbed = losses(compiled(OPTIMIZERS[name]), epochs=4)
    with pytest.raises(KeyboardInterrupt):
        run(Stop())
    np.testing.assert_allclose(run(), undisturbed[2:], rtol=1e-5)
    best = keras.saving.load_model(tmp_path / "run" / "best.keras", compile=False)
    assert best(samples()[0]).shape == (4, 32, 48, 3)


def test_parts_have_learning_rates_of_their_own():
    model = compiled(by_part(0.0, 0.2))
    before = [weight.numpy() for weight in model.trainable_weights]
    losses(model, epochs=1)
    frozen = {
        weight.path
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if (weight.numpy() == old).all()
    }
    backbone = model.get_layer("backbone")
    assert frozen == {weight.path for weight in backbone.trainable_weights}


def test_averages_are_those_of_the_steps():
    """Stochastic weight averaging of every step: the mean of the weights that were."""
    optimizer = tfa.optimizers.SWA(SGD(0.1), start_averaging=0, average_period=1)
    model = compiled(lambda model: optimizer)
    kernel = model.get_layer("classifier").kernel
    seen = []
    keep = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(kernel.numpy())
    )
    losses(model, epochs=3, callbacks=[keep])
    optimizer.assign_average_vars(model.trainable_variables)
    np.testing.assert_allclose(kernel, np.mean(seen, axis=0), rtol=1e-4, atol=1e-6)
