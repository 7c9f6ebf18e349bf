import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.checkpoints import (
    load_torch_weights,
    released_model,
    to_torch_state_dict,
)
from keras_seg.checkpoints.released_model import RELEASES
from keras_seg.models import SPNet, inference_model, replace_classifier
from tests import golden_networks
from tests.models.networks import tiny_network

HEAD = {"in_channels": 12, "filters": 6, "head_filters": 5, "prior_size": (3, 4)}


def head(num_classes=3, **options):
    """The smallest of the released networks."""
    return released_model(
        "cpnet_head", num_classes, **HEAD | {"kernel_size": 3} | options
    )


def state_dict(model, seed=0):
    shapes = {key: array.shape for key, array in to_torch_state_dict(model).items()}
    return golden_networks.weights(seed, shapes)


def assert_loaded(model, arrays):
    found = to_torch_state_dict(model)
    assert found.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(found[key], array, err_msg=key)


def test_keys_of_the_head():
    """Those of `CPHead` with mmcv's `ConvModule`."""
    convolutions = {
        "aggregation.reduce_conv.conv": (6, 12, 3, 3),
        "prior_conv.conv": (12, 6, 1, 1),
        "intra_conv.conv": (6, 6, 1, 1),
        "inter_conv.conv": (6, 6, 1, 1),
        "bottleneck.conv": (5, 24, 3, 3),
    }
    shapes = {f"{key}.weight": shape for key, shape in convolutions.items()}
    for key in ("t1", "p2"):
        shapes[f"aggregation.{key}.conv.weight"] = (6, 1, 3, 1)
        shapes[f"aggregation.{key}.conv.bias"] = (6,)
    for key in ("t2", "p1"):
        shapes[f"aggregation.{key}.conv.weight"] = (6, 1, 1, 3)
        shapes[f"aggregation.{key}.conv.bias"] = (6,)
    norms = [(key.replace(".conv", ".bn"), s[0]) for key, s in convolutions.items()]
    for key, channels in [*norms, ("aggregation.norm", 6)]:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{key}.{part}"] = (channels,)
    shapes |= {"conv_seg.weight": (3, 5, 1, 1), "conv_seg.bias": (3,)}
    found = to_torch_state_dict(head())
    assert {key: array.shape for key, array in found.items()} == shapes


def test_what_scripts_put_around_the_weights():
    arrays = state_dict(head())
    prefixed = {f"module.{key}": array for key, array in arrays.items()}
    counters = {"module.aggregation.norm.num_batches_tracked": np.array(7)}
    for checkpoint in (
        arrays,
        prefixed | counters,
        {"state_dict": prefixed, "epoch": 120, "optimizer": {"state": {}}},
        {"model": arrays, "iter": 3},
        {"model": {"state_dict": arrays}},
    ):
        model = head()
        load_torch_weights(model, checkpoint)
        assert_loaded(model, arrays)


def test_half_precision_is_widened():
    model = head()
    halves = {key: a.astype("float16") for key, a in state_dict(model).items()}
    load_torch_weights(model, halves)
    assert_loaded(model, {key: a.astype("float32") for key, a in halves.items()})
    dtypes = {keras.backend.standardize_dtype(w.dtype) for w in model.weights}
    assert dtypes == {"float32"}


class Tensor:
    """A stand-in for a `torch.Tensor` in bfloat16 that needs a gradient."""

    dtype = "torch.bfloat16"

    def __init__(self, array, detached=False):
        self.array, self.detached = array, detached

    def detach(self):
        return Tensor(self.array, detached=True)

    def cpu(self):
        return self

    def float(self):
        assert self.detached
        return self.array


def test_tensors_of_pytorch():
    model = head()
    arrays = state_dict(model)
    load_torch_weights(model, {key: Tensor(array) for key, array in arrays.items()})
    assert_loaded(model, arrays)


def test_what_does_not_fit_is_listed_and_nothing_is_set():
    model = head()
    before = model.get_weights()
    arrays = state_dict(model, seed=1)
    arrays["bottleneck.bn.wait"] = arrays.pop("bottleneck.bn.weight")
    arrays["conv_seg.bias"] = np.zeros(4)
    with pytest.raises(ValueError) as error:
        load_torch_weights(model, arrays)
    message = str(error.value)
    assert "does not fit Functional 'cpnet_head'" in message
    assert "missing key 'bottleneck.bn.weight'" in message
    assert "unused key 'bottleneck.bn.wait'" in message
    assert "'conv_seg.bias' has shape (4,), expected (3,)" in message
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_variables_that_no_key_is_known_for():
    impostor = SPNet(3, tiny_network(), name="spnet_resnet50")
    with pytest.raises(ValueError, match="no key is known for the variable"):
        load_torch_weights(impostor, {})


def test_other_models_have_no_keys():
    model = SPNet(3, tiny_network())
    with pytest.raises(TypeError, match="or a network of `released_model`: spnet_"):
        load_torch_weights(model, {})
    with pytest.raises(ValueError, match="`model` must be a network of `released_m"):
        to_torch_state_dict(model)


def test_a_network_inside_of_a_model_has_no_keys():
    network = head()
    inputs = [keras.Input(x.shape[1:]) for x in network.inputs]
    outer = keras.Model(inputs, network(inputs))
    with pytest.raises(ValueError, match="itself, not one that contains it.*kernel"):
        to_torch_state_dict(outer)


def test_weights_of_another_dtype_are_written_in_float32():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("bfloat16")
    try:
        model = head()
    finally:
        keras.config.set_dtype_policy(policy)
    arrays = to_torch_state_dict(model).values()
    assert {array.dtype.name for array in arrays} == {"float32"}


def test_names_and_options():
    assert sorted(RELEASES) == [
        "cpnet_head",
        "cpnet_resnet50",
        "hanet_mobilenet_v2_os16",
        "hanet_resnet101_os16",
        "hanet_resnet101_os8",
        "hanet_resnet50_os16",
        "hanet_resnet50_os8",
        "spnet_resnet101",
        "spnet_resnet50",
    ]
    with pytest.raises(ValueError, match="Received: name='spnet101'"):
        released_model("spnet101", 19)
    with pytest.raises(
        ValueError,
        match="'hanet_resnet50_os8' are: reduction_ratio, positions, auxiliary_head. "
        r"Received: prior_size=\(3, 4\)",
    ):
        released_model("hanet_resnet50_os8", 19, prior_size=(3, 4))
    with pytest.raises(ValueError, match="Received: num_classes=0"):
        released_model("spnet_resnet50", 0)
    with pytest.raises(ValueError, match="Received: reduction_ratio=0"):
        released_model("hanet_mobilenet_v2_os16", 19, reduction_ratio=0)
    with pytest.raises(ValueError, match="prior_size"):
        head(prior_size=64)


@pytest.mark.parametrize(
    ("name", "attention_channels"),
    [
        # ceil(channels / ratio) with the scripts' ratios: 64, 32 and 16.
        pytest.param("hanet_resnet50_os8", [16, 32, 20, 5], marks=pytest.mark.slow),
        pytest.param("hanet_resnet101_os16", [32, 64, 40, 10], marks=pytest.mark.slow),
        ("hanet_mobilenet_v2_os16", [20, 80, 80, 19]),
    ],
)
def test_reduction_ratios_of_the_scripts(name, attention_channels):
    model = released_model(name, 5)
    layers = [model.get_layer(f"height_attention_{point}") for point in (1, 2, 3, 4)]
    assert [layer.first_conv.filters for layer in layers] == attention_channels


def test_a_released_network_is_one_like_every_other():
    """Raw images, other classes, no head for training: and the keys stay known."""
    model = released_model("hanet_mobilenet_v2_os16", 5, positions=True)
    arrays = state_dict(model)
    load_torch_weights(model, arrays)
    rows = np.arange(45, dtype="int32")[None]
    images = np.random.default_rng(0).uniform(0, 255, (1, 45, 67, 3))

    plain = released_model("hanet_mobilenet_v2_os16", 5, None, positions=True)
    load_torch_weights(plain, arrays)
    normalized = (images - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    expected = ops.convert_to_numpy(plain([normalized, rows])["segmentation"])
    result = ops.convert_to_numpy(model([images, rows])["segmentation"])
    np.testing.assert_allclose(result, expected, atol=1e-4)

    changed = replace_classifier(model, 4)
    assert changed([images, rows])["auxiliary"].shape == (1, 45, 67, 4)
    kept = to_torch_state_dict(changed)
    assert kept["final2.0.weight"].shape == (4, 256, 1, 1)
    classifiers = ("final2.0.weight", "final2.0.bias", "dsn.4.weight", "dsn.4.bias")
    for key in arrays.keys() - set(classifiers):
        np.testing.assert_array_equal(kept[key], arrays[key], err_msg=key)

    network = inference_model(model)
    assert {key for key in arrays if not key.startswith("dsn.")} == set(
        to_torch_state_dict(network)
    )
