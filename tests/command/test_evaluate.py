import json

import keras
import numpy as np
import pytest
from PIL import Image

from keras_seg.command import main
from keras_seg.data import StreetScenes, evaluation_pipeline
from keras_seg.inference import evaluate, evaluation_table, sliding_window
from keras_seg.models import inference_model
from keras_seg.training import named_targets
from keras_seg.visualization import confusion_chart
from tests.models.networks import tiny_cpnet, tiny_dsrl
from tests.visualization.figures import drawn

SCENES = ["--scenes", "24"]


@pytest.fixture
def run(capsys):
    """Runs the command: its status, and what it prints."""

    def run_with(*arguments):
        status = 0
        try:
            main(["evaluate", *map(str, arguments)])
        except SystemExit as stop:
            status = stop.code
        return status, *capsys.readouterr()

    return run_with


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "best.keras"
    num_classes = StreetScenes(1, (96, 128)).num_classes
    tiny_cpnet(num_classes, fused_prior=True, auxiliary_head=True).save(path)
    return path


def test_evaluates_window_by_window(run, model_file, tmp_path):
    output = tmp_path / "evaluation.json"
    options = ["--window", 32, 48, "--overlap", 0.1, "--blending", "mean"]
    chart = tmp_path / "confusion.png"
    options += ["--output", output, "--chart", chart]
    status, out, err = run(model_file, *SCENES, *options)
    assert status == 0, err
    val = StreetScenes(3, (96, 128), seed=1)
    model = keras.saving.load_model(model_file, compile=False)
    windows = sliding_window(model, (32, 48), overlap=0.1, blending="mean")
    expected = evaluate(windows, evaluation_pipeline(val), val.class_names)
    result = json.loads(output.read_text())
    assert np.isclose(result["mean_iou"], expected["mean_iou"], rtol=1e-4)
    assert out.splitlines()[-1].split()[:2] == ["mean", "IoU"]
    assert out.rstrip("\n") == evaluation_table(expected)
    assert "3/3" in err
    figure = confusion_chart(result["confusion_matrix"], val.class_names)
    pixels = np.asarray(Image.open(chart).convert("RGB"))
    np.testing.assert_array_equal(pixels, drawn(figure))
    # And whole images are something else.
    plain = evaluate(model, evaluation_pipeline(val), val.class_names)
    assert not np.isclose(plain["mean_iou"], expected["mean_iou"], rtol=1e-4)


def test_images_are_reduced_for_a_model_of_two_resolutions(run, tmp_path):
    path = tmp_path / "best.keras"
    model = tiny_dsrl(StreetScenes(1, (96, 128)).num_classes)
    model.save(path)
    output = tmp_path / "evaluation.json"
    status, _, err = run(path, *SCENES, "--output", output)
    assert status == 0, err
    val = StreetScenes(3, (96, 128), seed=1)
    network = inference_model(model)
    pairs = evaluation_pipeline(val).map(named_targets(network, scale=2))
    expected = evaluate(model, pairs, val.class_names)
    result = json.loads(output.read_text())
    assert np.isclose(result["mean_iou"], expected["mean_iou"], rtol=1e-4)


@pytest.mark.parametrize(
    ("status", "arguments", "words"),
    [
        (1, ["missing.keras"], "missing.keras"),
        (2, ["MODEL", "--data", "camvid"], "--data-dir"),
        (1, ["MODEL", "--data", "camvid", "--data-dir", "nowhere"], "nowhere"),
        (1, ["MODEL", "--window", "0", "10"], "window"),
        (2, ["MODEL", "--output", "no/a.json"], "no folder no for a.json"),
    ],
)
def test_what_is_wrong_is_a_message(run, model_file, status, arguments, words):
    found, _, err = run(*(model_file if a == "MODEL" else a for a in arguments))
    assert found == status
    assert words in err and "Traceback" not in err


def test_the_classes_of_the_data_must_be_those_of_the_model(run, model_file, tmp_path):
    for kind, shape in (("images", (8, 8, 3)), ("labels", (8, 8))):
        (tmp_path / "val" / kind).mkdir(parents=True)
        image = Image.fromarray(np.zeros(shape, "uint8"))
        image.save(tmp_path / "val" / kind / "a.png")
    (tmp_path / "classes.txt").write_text("road\ncar\n")
    status, _, err = run(model_file, "--data", "folder", "--data-dir", tmp_path)
    assert status == 1
    assert "classes of the data: road, car. Received: a model of 9 classes for 2" in err
