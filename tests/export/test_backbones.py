"""Exports of networks with the backbones that they are used with."""

import pytest

from keras_seg.export import export_litert, export_onnx
from keras_seg.models import DeepLabV3Plus, SPNet
from tests.export.networks import assert_equal, images, logits
from tests.export.test_litert import run as run_litert
from tests.export.test_onnx import run_onnxruntime, run_openvino

pytestmark = pytest.mark.slow

OUTPUTS = ("classes", "logits")
BUILD = {
    "resnet50": lambda: SPNet(5, "resnet50", output_stride=8, auxiliary_head=True),
    "efficientnet_lite_b0": lambda: DeepLabV3Plus(5, "efficientnet_lite_b0", 16),
    "mobilenet_v3_large": lambda: DeepLabV3Plus(5, "mobilenet_v3_large", 16),
    "mit_b0": lambda: DeepLabV3Plus(5, "mit_b0", output_stride=32),
}


@pytest.fixture(scope="module", params=BUILD)
def model(request):
    return BUILD[request.param]()


def test_onnx_of_one_size(model, tmp_path):
    path = export_onnx(
        model, tmp_path / "model.onnx", (75, 101), batch_size=1, outputs=OUTPUTS
    )
    inputs = {"images": images(1, 75, 101)}
    expected = logits(model, inputs["images"])
    assert_equal(run_onnxruntime(path, inputs), expected)
    assert_equal(run_openvino(path, inputs), expected)


def test_onnx_of_any_size(model, tmp_path):
    path = export_onnx(model, tmp_path / "model.onnx", outputs=OUTPUTS)
    for number, height, width in ((1, 75, 101), (2, 64, 33)):
        inputs = {"images": images(number, height, width)}
        expected = logits(model, inputs["images"])
        # Not in OpenVINO, which refuses some of these graphs without sizes.
        assert_equal(run_onnxruntime(path, inputs), expected)


def test_litert(model, tmp_path):
    path = export_litert(model, tmp_path / "model.tflite", (75, 101), outputs=OUTPUTS)
    inputs = {"images": images(1, 75, 101)}
    assert_equal(run_litert(path, inputs), logits(model, inputs["images"]))
