import math
import re

import keras
import numpy as np
import pytest
from PIL import Image

from keras_seg.command import main
from keras_seg.data import CamVid, StreetScenes, class_heights
from keras_seg.models import (
    CPNet,
    HANet,
    affinity_model,
    attention_model,
    inference_model,
    prior_model,
)
from keras_seg.visualization import (
    attention_chart,
    height_chart,
    prior_chart,
    resolution_chart,
)
from tests.models.networks import SIZE, tiny_cpnet, tiny_network
from tests.models.test_affinity_model import tiny_dsrl
from tests.visualization.figures import drawn


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run_with(*arguments):
        main(["draw", *map(str, arguments)])

    return run_with


@pytest.fixture(scope="module")
def hanet(tmp_path_factory):
    """A small HANet with positions, and its file."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("models") / "hanet.keras"
    model = HANet(3, tiny_network(), positions=True, filters=8, low_level_filters=4)
    model.save(path)
    return model, path


@pytest.fixture(scope="module")
def cpnet(tmp_path_factory):
    """A small CPNet whose prior is not the same everywhere, and its file."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("models") / "cpnet.keras"
    model = tiny_cpnet()
    norm = model.get_layer("context_prior_layer").prior.norm
    norm.gamma.assign(1000 * keras.ops.ones_like(norm.gamma))
    model.save(path)
    return model, path


@pytest.fixture(scope="module")
def dsrl(tmp_path_factory):
    """A small model with the outputs of DSRL, and its file."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("models") / "dsrl.keras"
    model = tiny_dsrl(scale=3)
    model.save(path)
    return model, path


def resolution(model, image, *args, **options):
    """The chart of what a model makes of an image."""
    outputs = [network(image[None]) for network in (model, affinity_model(model))]
    arrays = [
        {name: keras.ops.convert_to_numpy(x)[0] for name, x in output.items()}
        for output in outputs
    ]
    return resolution_chart(image, *arrays, *args, **options)


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def entropy(labels):
    """In nats, by a loop over the classes."""
    counts = [np.sum(labels == value) for value in range(9)]
    return -sum(n / sum(counts) * math.log(n / sum(counts)) for n in counts if n)


def test_heights(run, capsys):
    run("heights", "--scenes", 8)
    dataset = StreetScenes(8)
    expected = height_chart(
        class_heights(dataset), dataset.palette, dataset.class_names
    )
    np.testing.assert_array_equal(read("heights.png"), drawn(expected))

    labels = np.stack([label for _, label in dataset])
    parts = {"whole image": labels}
    for name, third in zip(("upper", "middle", "lower"), range(3), strict=True):
        parts[f"{name} third"] = labels[:, 32 * third : 32 * third + 32]
    lines = [f"{name}  {entropy(part):.2f} nats" for name, part in parts.items()]
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == [*lines, "picture  heights.png"]


def test_heights_of_a_split_of_a_folder(run, tmp_path, capsys):
    for split, value in (("train", 3), ("val", 8)):
        for suffix in ("", "annot"):
            (tmp_path / f"{split}{suffix}").mkdir()
        label = np.full((96, 10), value, "uint8")
        label[64:, :5] = 0
        Image.fromarray(label).save(tmp_path / f"{split}annot" / "a.png")
        Image.fromarray(label).convert("RGB").save(tmp_path / split / "a.png")
    run(*"heights --data camvid --data-dir . --split val --output car.png".split())
    val = CamVid(".", "val")
    expected = height_chart(class_heights(val), val.palette, val.class_names)
    np.testing.assert_array_equal(read("car.png"), drawn(expected))
    assert "lower third  0.69 nats" in capsys.readouterr().out


def test_attention(run, hanet, tmp_path):
    model, path = hanet
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), "uint8")
    Image.fromarray(image).save(tmp_path / "street.png")
    run("attention", path, "street.png", "--output", "a.png")
    maps = attention_model(inference_model(model))(image[None].astype("float32"))
    assert sorted(maps) == [f"attention{point}" for point in (1, 2, 3, 4)]
    attention = {name: keras.ops.convert_to_numpy(maps[name])[0] for name in maps}
    expected = drawn(attention_chart(attention, image))
    np.testing.assert_array_equal(read("a.png"), expected)


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("figure", ["attention", "prior"])
def test_networks_of_other_channels(run, tmp_path, figure, channels):
    image = keras.Input((32, 48, channels))
    x = keras.layers.Rescaling(1 / 255)(image)
    for filters in (4, 4, 4, 4, 4):
        x = keras.layers.Conv2D(filters, 3, strides=2, padding="same")(x)
    backbone = keras.Model(image, x)
    if figure == "attention":
        model = HANet(2, backbone, filters=4, low_level_filters=4)
    else:
        model = CPNet(2, backbone, prior_size=SIZE, output_stride=8, filters=4)
    model.save(tmp_path / "model.keras")
    mode = {1: "L", 4: "RGBA"}[channels]
    Image.new(mode, (48, 32)).save(tmp_path / "a.png")
    run(figure, "model.keras", "a.png")
    assert read(f"{figure}.png").any()


def test_prior(run, cpnet, tmp_path, capsys):
    model, path = cpnet
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (45, 67, 3), "uint8")
    labels = rng.integers(0, 3, (45, 67)).astype("uint8")
    labels[20:, 40:] = 11
    Image.fromarray(image).save(tmp_path / "street.png")
    Image.fromarray(labels).save(tmp_path / "label.png")
    prior = prior_model(model)(image[None].astype("float32"))
    prior = keras.ops.convert_to_numpy(prior)[0]
    assert np.ptp(prior) > 0.1

    run("prior", path, "street.png")
    expected = drawn(prior_chart(prior, SIZE, image))
    np.testing.assert_array_equal(read("prior.png"), expected)
    numbers = [f"prior  {prior.min():.3f} to {prior.max():.3f}"]
    numbers += [f"mean  {prior.mean(dtype='float64'):.3f}"]
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == [*numbers, "picture  prior.png"]

    names = ("road", "car", "a long name")
    (tmp_path / "classes.txt").write_text("\n".join(names))
    run(
        *("prior", path, "street.png", "--label", "label.png", "--ignore-class", 11),
        *("--point", 2, 3, "--point", 44, 66, "--classes", "classes.txt"),
        *("--output", "p.png"),
    )
    points = [(2, 3), (44, 66)]
    expected = prior_chart(prior, SIZE, image, labels, points, 11, names)
    np.testing.assert_array_equal(read("p.png"), drawn(expected))
    cells = labels[np.arange(4) * 45 // 4][:, np.arange(6) * 67 // 6].ravel()
    is_pair = (cells[:, None] != 11) & (cells != 11) & ~np.eye(24, dtype=bool)
    is_same = cells[:, None] == cells
    same, different = prior[is_pair & is_same], prior[is_pair & ~is_same]
    auc = np.mean(same[:, None] > different)
    numbers += [f"same class  {same.mean():.3f}", f"different  {different.mean():.3f}"]
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert printed == [*numbers, f"AUC  {auc:.3f}", "picture  p.png"]


def test_resolution(run, dsrl, tmp_path, capsys):
    model, path = dsrl
    image = np.random.default_rng(0).integers(0, 256, (20, 32, 3), "uint8")
    Image.fromarray(image).save(tmp_path / "street.png")
    run("resolution", path, "street.png")
    expected = resolution(model, image.astype("float32"))
    np.testing.assert_array_equal(read("resolution.png"), drawn(expected))
    assert capsys.readouterr().out.split() == ["picture", "resolution.png"]

    names = ("road", "car", "a long name")
    (tmp_path / "classes.txt").write_text("\n".join(names))
    run(
        *("resolution", path, "street.png", "--reduce", "--output", "r.png"),
        *("--point", 2, 3, "--point", 17, 29, "--classes", "classes.txt"),
    )
    original = image[:18, :30]  # a multiple of the scale, 3
    blocks = original.reshape(6, 3, 10, 3, 3).astype("float32")
    options = {"points": [(2, 3), (17, 29)], "class_names": names}
    expected = resolution(model, blocks.mean((1, 3)), original, **options)
    np.testing.assert_array_equal(read("r.png"), drawn(expected))


def test_errors_are_messages(run, hanet, cpnet, dsrl, tmp_path, capsys):
    Image.new("L", (96, 64)).save(tmp_path / "gray.png")
    Image.new("RGB", (96, 64)).save(tmp_path / "colors.png")
    Image.new("L", (64, 96)).save(tmp_path / "turned.png")
    Image.new("L", (96, 2)).save(tmp_path / "flat.png")
    (tmp_path / "text.keras").write_text("no model")
    plain = tmp_path / "plain.keras"
    tiny_network().save(plain)
    _, path = hanet
    prior = "prior", cpnet[1], "gray.png"
    resolution = "resolution", dsrl[1], "gray.png"
    reconstruction = keras.Input((None, None, 3))
    alone = {"super_resolution": keras.layers.UpSampling2D()(reconstruction)}
    keras.Model(reconstruction, alone).save(tmp_path / "alone.keras")
    for arguments, message in (
        (("attention", path, "absent.png"), "No such file or directory: .*absent.png"),
        (("attention", path, "text.keras"), "text.keras: it is not an image"),
        (("attention", "absent.keras", "gray.png"), "no model file absent.keras"),
        (("attention", "text.keras", "gray.png"), "Cannot load the model text.keras"),
        (("attention", plain, "gray.png"), "HeightDrivenAttention"),
        (("prior", path, "gray.png"), "must have one ContextPriorLayer"),
        (("prior", "absent.keras", "gray.png"), "no model file absent.keras"),
        ((*prior, "--label", "absent.png"), "No such file or directory: .*absent.png"),
        ((*prior, "--label", "colors.png"), "The label colors.png holds colors"),
        ((*prior, "--label", "turned.png"), r"`labels`.*\(64, 96\).*\(96, 64\)"),
        ((*prior, "--point", 64, 0), r"`points`.*\(64, 96\).*\[64, 0\]"),
        (("resolution", path, "gray.png"), "must have one FeatureAffinity"),
        (("resolution", "alone.keras", "gray.png"), "must have one FeatureAffinity"),
        (("resolution", dsrl[1], "absent.png"), "No such file.*absent.png"),
        (("resolution", "absent.keras", "gray.png"), "no model file absent.keras"),
        (
            ("resolution", dsrl[1], "flat.png", "--reduce"),
            "must have 3 x 3 pixels or more. Received: 2 x 96",
        ),
        (
            (*resolution, "--point", 192, 0),
            r"`points`.*\(192, 288\).*\[\[192, 0\]\]",
        ),
        ((*resolution, "--reduce", "--point", 63, 0), r"`points`.*\(63, 96\)"),
        ((*resolution, "--classes", "camvid"), "11 names for 3 classes"),
        (("heights", "--data", "camvid", "--data-dir", "no"), "Missing: no/train"),
    ):
        with pytest.raises(SystemExit) as stop:
            run(*arguments)
        assert stop.value.code == 1
        error = capsys.readouterr().err
        assert error.startswith("keras-seg: error: ")
        assert "Traceback" not in error
        assert re.search(message, error), error


def test_a_photograph_is_turned_as_people_see_it(run, hanet, tmp_path):
    model, path = hanet
    image = np.random.default_rng(0).integers(0, 256, (96, 64, 3), "uint8")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees, clockwise
    Image.fromarray(image).save(tmp_path / "turned.png", exif=exif)
    run("attention", path, "turned.png")
    seen = np.rot90(image, -1)
    maps = attention_model(inference_model(model))(seen[None].astype("float32"))
    attention = {name: keras.ops.convert_to_numpy(maps[name])[0] for name in maps}
    expected = drawn(attention_chart(attention, seen))
    np.testing.assert_array_equal(read("attention.png"), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["attention", "a.keras", "a.png", "--output", "no/a.png"], "no for a.png"),
        (["heights", "--data", "folder"], "--data folder needs --data-dir"),
        ([], "the following arguments are required: <figure>"),
    ],
)
def test_wrong_flags_are_messages(run, arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        run(*arguments)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("keras-seg: error: ") and message in error
