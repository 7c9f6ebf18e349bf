"""The server's answers to raw requests, as TF Serving's API pages write them."""

import base64
import json
import re
import shutil
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from keras_seg.export.serve import Server
from keras_seg.export.serve.__main__ import main
from tests.export.images import bad_files, encode, photograph
from tests.export.served import PixelModel

LIMIT = 1 << 22


@pytest.fixture(scope="module")
def pixel_model():
    return PixelModel()


@pytest.fixture(scope="module")
def server(pixel_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    pixel_model.export(folder / "pixels" / "2", encoded_size=(8, 6))
    # Another version, which is older, and what is no model.
    shutil.copytree(folder / "pixels" / "2", folder / "pixels" / "1")
    (folder / "pixels" / ".export-abc" / "model").mkdir(parents=True)
    (folder / "pixels" / "10").mkdir()  # half a model
    (folder / "empty").mkdir()
    (folder / "models.config").write_text("")
    with Server(folder, port=0, rest_port=0, max_request_bytes=LIMIT) as server:
        yield server


def rest(server, path, body=None):
    """Status and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/{path}"
    try:
        with urllib.request.urlopen(url, data, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


def predict(
    channel, signature="serving_default", version=None, name="pixels", **inputs
):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for key, value in inputs.items():
        proto = isinstance(value, tf.make_tensor_proto(0).__class__)
        tensor = value if proto else tf.make_tensor_proto(value)
        request.inputs[key].CopyFrom(tensor)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    return stub.Predict(request, timeout=60)


def status_of(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as raised:
        call(*args, **kwargs)
    return raised.value.code().name, raised.value.details()


def test_predict_by_grpc(channel, pixel_model):
    images = np.stack([photograph(9, 7, seed) for seed in (0, 1)])
    response = predict(channel, images=images)
    assert response.model_spec.version.value == 2
    classes = tf.make_ndarray(response.outputs["classes"])
    assert classes.dtype == np.uint8
    np.testing.assert_array_equal(classes, pixel_model.classes(images))
    response = predict(channel, "probabilities", images=images)
    probabilities = tf.make_ndarray(response.outputs["probabilities"])
    expected = pixel_model.probabilities(images)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_the_newest_version_is_served_and_no_other(channel, server):
    assert predict(channel, version=2, images=photograph(2, 2)[None])
    code, _ = status_of(predict, channel, version=1, images=photograph(2, 2)[None])
    assert code == "NOT_FOUND"
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "pixels"
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    (version,) = stub.GetModelStatus(request).model_version_status
    assert version.version == 2
    assert version.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE


def test_metadata_by_grpc(channel):
    request = get_model_metadata_pb2.GetModelMetadataRequest(
        metadata_field=["signature_def"]
    )
    request.model_spec.name = "pixels"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response = stub.GetModelMetadata(request)
    assert response.metadata["signature_def"].Unpack(signatures)
    encoded = signatures.signature_def["encoded"]
    assert encoded.inputs["images"].dtype == tf.string.as_datatype_enum
    assert encoded.outputs["classes"].dtype == tf.uint8.as_datatype_enum


def test_status_and_metadata_by_rest(server):
    assert rest(server, "pixels") == (
        200,
        {
            "model_version_status": [
                {
                    "version": "2",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        },
    )
    code, answer = rest(server, "pixels/versions/2/metadata")
    assert code == 200
    assert answer["model_spec"] == {
        "name": "pixels",
        "signature_name": "",
        "version": "2",
    }
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert signatures["float"]["inputs"]["images"]["dtype"] == "DT_FLOAT"


@pytest.mark.parametrize("path", ["pixels:predict", "pixels/versions/2:predict"])
def test_rows_and_columns_by_rest(server, pixel_model, path):
    images = np.stack([photograph(5, 4, seed) for seed in (0, 1)])
    expected = pixel_model.classes(images).tolist()
    values = images.tolist()
    for body, key in [
        ({"instances": values}, "predictions"),
        ({"instances": [{"images": value} for value in values]}, "predictions"),
        ({"inputs": values}, "outputs"),
        ({"inputs": {"images": values}}, "outputs"),
    ]:
        assert rest(server, path, body) == (200, {key: expected})


def test_files_by_rest(server, pixel_model):
    image = photograph(5, 4)
    content = {"b64": base64.b64encode(encode(image)).decode()}
    expected = [pixel_model.classes(image).tolist()]
    for body, key in [
        ({"instances": [content]}, "predictions"),
        ({"instances": [{"images": content}]}, "predictions"),
        ({"inputs": {"images": [content]}}, "outputs"),
        ({"inputs": [content]}, "outputs"),
    ]:
        body["signature_name"] = "encoded"
        assert rest(server, "pixels:predict", body) == (200, {key: expected})


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("pixels:predict", [], 400, "instances"),
        ("pixels:predict", {}, 400, "instances"),
        ("pixels:predict", {"instances": [], "inputs": []}, 400, "either"),
        ("pixels:predict", {"instances": []}, 400, "at least one"),
        ("pixels:predict", {"inputs": [[[[1, 2, 300]]]]}, 400, "uint8"),
        ("pixels:predict", {"inputs": [[[[1, 2, 2.5]]]]}, 400, "uint8"),
        ("pixels:predict", {"inputs": [[[[1, 2, True]], [[1, 2]]]]}, 400, "no tensor"),
        ("pixels:predict", {"inputs": [[[1, 2, 3]]]}, 400, r"\(None, None, None, 3\)"),
        ("pixels:predict", {"inputs": {"image": []}}, 400, "inputs are"),
        ("pixels:predict", {"inputs": [], "signature_name": "x"}, 400, "signature"),
        ("pixels:predict", {"inputs": [], "signature_name": 3}, 400, "string"),
        (
            "pixels:predict",
            {"inputs": [{"b64": "?"}], "signature_name": "encoded"},
            400,
            "base64",
        ),
        (
            "pixels:predict",
            {"inputs": [3], "signature_name": "encoded"},
            400,
            "strings",
        ),
        ("pixels/versions/1:predict", {"inputs": []}, 404, "version 2 is served"),
        ("other:predict", {"inputs": []}, 404, "no model"),
        ("..:predict", {"inputs": []}, 404, "no model"),
        ("pixels:classify", {"inputs": []}, 404, "There is no POST"),
    ],
)
def test_bad_requests_by_rest_are_told_what_is_wrong(server, path, body, code, message):
    status, answer = rest(server, path, body)
    assert status == code
    assert re.search(message, answer["error"]), answer
    assert rest(server, "pixels:predict", {"inputs": [[[[1, 2, 3]]]]})[0] == 200


def test_bytes_that_are_no_json_are_told_so(server):
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/pixels:predict"
    for body in (b"", b"{", b"\xff\xfe", b"[" * 100000):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            urllib.request.urlopen(url, body, timeout=60)


@pytest.mark.parametrize("name", list(bad_files()))
def test_bad_files_are_invalid_arguments_and_the_server_goes_on(
    server, channel, pixel_model, name
):
    content, message = bad_files()[name]
    code, details = status_of(predict, channel, "encoded", images=[content])
    assert code == "INVALID_ARGUMENT" and message in details
    content = {"b64": base64.b64encode(content).decode()}
    body = {"signature_name": "encoded", "instances": [content]}
    code, answer = rest(server, "pixels:predict", body)
    assert code == 400 and message in answer["error"]
    image = photograph(5, 4)
    response = predict(channel, "encoded", images=[encode(image)])
    classes = tf.make_ndarray(response.outputs["classes"])
    np.testing.assert_array_equal(classes[0], pixel_model.classes(image))


def test_bad_requests_by_grpc(channel):
    image = photograph(5, 4)
    tiny = tf.make_tensor_proto(0, "uint8", shape=(1, 1, 1, 3))
    lying = tf.make_tensor_proto(0, "uint8", shape=(1, 2, 1, 3))
    lying.tensor_content, lying.int_val[:] = b"abc", []
    huge = tf.make_tensor_proto(0, "uint8", shape=(1, 1, 1, 3))
    for axis in (1, 2):
        huge.tensor_shape.dim[axis].size = 20000  # a message of some bytes
    for kwargs, expected in [
        ({"images": image}, "INVALID_ARGUMENT"),
        ({"images": image[None, ..., :2]}, "INVALID_ARGUMENT"),
        ({"images": image[None].astype("float32")}, "INVALID_ARGUMENT"),
        ({"images": image[None, :0]}, "INVALID_ARGUMENT"),
        ({"image": image[None]}, "INVALID_ARGUMENT"),
        ({}, "INVALID_ARGUMENT"),
        ({"images": lying}, "INVALID_ARGUMENT"),
        ({"images": huge}, "RESOURCE_EXHAUSTED"),
        ({"images": tiny, "signature": "other"}, "FAILED_PRECONDITION"),
        ({"images": tiny, "name": "other"}, "NOT_FOUND"),
        ({"images": tiny, "name": "../pixels"}, "NOT_FOUND"),
    ]:
        code, details = status_of(predict, channel, **kwargs)
        assert code == expected, details
    assert predict(channel, images=tiny)


def test_larger_requests_are_refused_unread(server, channel):
    images = np.zeros((1, LIMIT // 3 + 1, 1, 3), "uint8")
    assert status_of(predict, channel, images=images)[0] == "RESOURCE_EXHAUSTED"
    url = f"http://127.0.0.1:{server.rest_port}/v1/models/pixels:predict"
    request = urllib.request.Request(url, b"{}", {"Content-Length": str(LIMIT + 1)})
    with pytest.raises(urllib.error.HTTPError, match="429"):
        urllib.request.urlopen(request, timeout=60)
    assert rest(server, "pixels")[0] == 200


def test_warm_up_requests_are_answered(server, channel):
    """Each record of the file that TF Serving replays is a request as it must be."""
    folder = server.models._path / "pixels" / "2"
    file = folder / "assets.extra" / "tf_serving_warmup_requests"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    signatures = []
    for record in tf.data.TFRecordDataset([str(file)]):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        response = stub.Predict(request)
        (output,) = response.outputs.values()
        assert tf.make_ndarray(output).shape[:3] == (1, 8, 6)
        assert request.model_spec.name == "pixels"
        signatures.append(request.model_spec.signature_name)
    assert sorted(signatures) == [
        "encoded",
        "float",
        "probabilities",
        "serving_default",
    ]


def test_a_version_that_appears_takes_over(tmp_path, pixel_model):
    other = PixelModel(classes=7)
    pixel_model.export(tmp_path / "pixels" / "1")
    image = photograph(5, 4)
    with Server(tmp_path, port=0, rest_port=0) as server:
        body = {"inputs": [image.tolist()], "signature_name": "probabilities"}
        assert np.shape(rest(server, "pixels:predict", body)[1]["outputs"])[-1] == 4
        other.export(tmp_path / "pixels" / "2")
        assert np.shape(rest(server, "pixels:predict", body)[1]["outputs"])[-1] == 7
        # A damaged one is an error of its own, until the next one is there.
        (tmp_path / "pixels" / "3").mkdir()
        (tmp_path / "pixels" / "3" / "saved_model.pb").write_bytes(b"half")
        code, answer = rest(server, "pixels:predict", body)
        assert code == 400 and "cannot be loaded" in answer["error"]
        shutil.rmtree(tmp_path / "pixels" / "3")
        assert rest(server, "pixels:predict", body)[0] == 200


def test_a_folder_without_models_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="<name>/<version>/saved_model.pb"):
        Server(tmp_path, port=0, rest_port=0)
    with pytest.raises(SystemExit, match="There must be a model"):
        main([str(tmp_path)])


def test_a_port_that_is_taken_is_an_error(server):
    folder = str(server.models._path)
    for ports in (["--port", str(server.port)], ["--rest-port", str(server.rest_port)]):
        free = ["--port", "0", "--rest-port", "0"]
        with pytest.raises(SystemExit, match="keras_seg.export.serve: "):
            main([folder, *free, *ports])
