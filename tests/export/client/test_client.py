import concurrent.futures
import http.server
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

import keras_seg
from keras_seg.export.client import Client, ServingError
from keras_seg.export.client.__main__ import main
from tests.export.images import bad_files, encode, photograph
from tests.export.model_server import ModelServer
from tests.export.served import PixelModel


@pytest.fixture(scope="module")
def pixel_model():
    return PixelModel(classes=40)


@pytest.fixture(scope="module")
def server(pixel_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_models")
    pixel_model.export(folder / "pixels" / "3", encoded_size=(8, 6))
    PixelModel(classes=300).export(folder / "many" / "1")
    with ModelServer(folder) as server:
        yield server


@pytest.fixture(params=["grpc", "rest"])
def address(request, server):
    rest = f"http://127.0.0.1:{server.rest_port}"
    return f"127.0.0.1:{server.port}" if request.param == "grpc" else rest


@pytest.fixture
def client(address):
    with Client(address, "pixels", retries=0) as client:
        yield client


def test_arrays(client, pixel_model):
    images = np.stack([photograph(9, 7, seed) for seed in (0, 1)])
    expected = pixel_model.classes(images)
    for values in (images, images.astype("float32"), images.astype("float64")):
        several, single = client.segment(values), client.segment(values[0])
        assert several.dtype == single.dtype == np.uint8
        np.testing.assert_array_equal(several, expected)
        np.testing.assert_array_equal(single, expected[0])
    probabilities = client.probabilities(images)
    assert probabilities.dtype == np.float32
    expected = pixel_model.probabilities(images)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(client.probabilities(images[0]), expected[0], atol=1e-5)


def test_files(client, pixel_model, tmp_path):
    image = photograph(9, 7)
    expected = pixel_model.classes(image)
    path = tmp_path / "image.png"
    path.write_bytes(encode(image))
    for file in (path, str(path), path.read_bytes(), bytearray(path.read_bytes())):
        np.testing.assert_array_equal(client.segment(file), expected)
    assert client.segment([path, path.read_bytes()]).shape == (2, 8, 6)
    np.testing.assert_array_equal(client.segment([path]), expected[None])


def test_more_than_256_classes(address):
    model = PixelModel(classes=300)
    with Client(address, "many") as client:
        classes = client.segment(photograph(20, 20))
    assert classes.dtype == np.int32
    np.testing.assert_array_equal(classes, model.classes(photograph(20, 20)))


def test_status_and_versions(address):
    with Client(address, "pixels", version=3) as client:
        assert client.status() == {3: "AVAILABLE"}
        assert client.segment(photograph(4, 4)).shape == (4, 4)
    with Client(address, "pixels", version=2, timeout=5) as client:
        with pytest.raises(ServingError, match="NOT_FOUND.*version 3 is served"):
            client.segment(photograph(4, 4))
    with Client(address, "other", timeout=5) as client:
        with pytest.raises(ServingError, match="NOT_FOUND"):
            client.status()


@pytest.mark.parametrize("name", ["no bytes", "a truncated JPEG", "a huge PNG"])
def test_bad_files_are_serving_errors(client, name):
    content, message = bad_files()[name]
    with pytest.raises(ServingError, match=message) as raised:
        client.segment(content)
    assert raised.value.code == "INVALID_ARGUMENT"
    assert client.segment(photograph(4, 4)).shape == (4, 4)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((4, 4), "uint8"),
        np.zeros((4, 4, 3), "int64"),
        np.zeros((4, 4, 3), "bool"),
        [],
        [np.zeros((4, 4, 3), "uint8")],
        [b"", np.zeros((4, 4, 3), "uint8")],
        None,
    ],
)
def test_what_is_no_image_is_not_sent(images):
    with Client("http://127.0.0.1:9", "pixels") as client:
        with pytest.raises(ValueError, match="`images` must be"):
            client.segment(images)
        with pytest.raises(ValueError, match="`images` must be"):
            client.probabilities(images)


def test_a_file_that_is_not_there_is_not_sent(client):
    with pytest.raises(FileNotFoundError):
        client.segment("nothing.jpg")


def test_probabilities_are_of_bytes_only(client):
    for images in (b"", np.zeros((4, 4, 3), "float32")):
        with pytest.raises(ValueError, match="must be uint8 arrays"):
            client.probabilities(images)


def test_answers_above_grpcs_own_limit_arrive(client):
    image = photograph(180, 170)  # 4.9 MB of probabilities
    assert client.probabilities(image).nbytes > 1 << 22


def test_larger_answers_than_allowed_are_errors(address):
    with Client(address, "pixels", max_message_bytes=10_000) as client:
        assert client.segment(photograph(10, 10)).shape == (10, 10)
        with pytest.raises(ServingError, match="RESOURCE_EXHAUSTED"):
            client.probabilities(photograph(30, 30))


class Scripted:
    """A server of either protocol that answers from a list of codes, "OK" the last."""

    def __init__(self, codes, delay=0):
        self.codes, self.delay, self.calls = list(codes), delay, 0

    def next(self):
        self.calls += 1
        time.sleep(self.delay)
        return self.codes.pop(0) if self.codes else "OK"

    def grpc(self, port=0):
        class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
            def Predict(_, request, context):
                code = self.next()
                if code != "OK":
                    context.abort(grpc.StatusCode[code], "scripted")
                response = predict_pb2.PredictResponse()
                classes = tf.make_tensor_proto(np.zeros((1, 2, 2), "uint8"))
                response.outputs["classes"].CopyFrom(classes)
                return response

        server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            Service(), server
        )
        port = server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        return f"127.0.0.1:{port}", lambda: server.stop(0).wait()

    def rest(self, port=0):
        output = {"outputs": {"classes": {"dtype": "DT_UINT8"}}}
        metadata = {"signature_def": {"signature_def": {"serving_default": output}}}
        statuses = {"OK": 200, "INVALID_ARGUMENT": 400, "INTERNAL": 500}
        statuses["UNAVAILABLE"] = 503

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):
                handler.answer(200, {"metadata": metadata})

            def do_POST(handler):
                handler.rfile.read(int(handler.headers["Content-Length"]))
                code = self.next()
                if code == "RESET":  # the connection ends without an answer
                    return
                body = {"outputs": [[[0, 0], [0, 0]]], "error": "scripted"}
                handler.answer(statuses[code], body)

            def answer(handler, status, body):
                handler.send_response(status)
                handler.end_headers()
                handler.wfile.write(json.dumps(body).encode())

            def log_message(handler, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def stop():
            server.shutdown()
            server.server_close()

        return f"http://127.0.0.1:{server.server_port}", stop


IMAGE = np.zeros((2, 2, 3), "uint8")


@pytest.fixture(params=["grpc", "rest"])
def scripted(request):
    stops = []

    def start(codes, port=0, **options):
        script = Scripted(codes, **options)
        address, stop = getattr(script, request.param)(port)
        stops.append(stop)
        return script, address

    start.protocol = request.param
    yield start
    for stop in stops:
        stop()


def test_unavailable_is_tried_again(scripted):
    script, address = scripted(["UNAVAILABLE", "UNAVAILABLE"])
    with Client(address, "m", retries=2) as client:
        assert client.segment(IMAGE).shape == (2, 2)
    assert script.calls == 3


def test_the_last_retry_may_fail_too(scripted):
    script, address = scripted(["UNAVAILABLE"] * 5)
    with Client(address, "m", retries=2) as client:
        with pytest.raises(ServingError, match="UNAVAILABLE"):
            client.segment(IMAGE)
    assert script.calls == 3


def test_large_requests_are_tried_again_too(scripted):
    """gRPC by itself would not keep more than 256 KB to send again."""
    script, address = scripted(["UNAVAILABLE"])
    with Client(address, "m", retries=2) as client:
        client.segment(np.zeros((300, 300, 3), "uint8"))
    assert script.calls == 2


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "INTERNAL"])
def test_nothing_else_is_tried_again(scripted, code):
    script, address = scripted([code])
    with Client(address, "m", retries=5) as client:
        with pytest.raises(ServingError, match="scripted"):
            client.segment(IMAGE)
    assert script.calls == 1


def test_connections_that_break_are_tried_again():
    script = Scripted(["RESET"])
    address, stop = script.rest()
    with Client(address, "m", retries=1) as client:
        assert client.segment(IMAGE).shape == (2, 2)
    stop()
    assert script.calls == 2


def test_the_deadline_ends_a_call_and_nothing_follows(scripted):
    script, address = scripted([], delay=2)
    start = time.monotonic()
    with Client(address, "m", timeout=0.5, retries=5) as client:
        with pytest.raises(ServingError, match="DEADLINE_EXCEEDED"):
            client.segment(IMAGE)
    assert time.monotonic() - start < 1.5
    assert script.calls == 1


def test_the_deadline_holds_for_the_last_attempt_too(scripted):
    script, address = scripted(["UNAVAILABLE"], delay=0.4)
    start = time.monotonic()
    with Client(address, "m", timeout=0.7, retries=5) as client:
        with pytest.raises(ServingError, match="DEADLINE_EXCEEDED"):
            client.segment(IMAGE)
    assert time.monotonic() - start < 1.0
    assert script.calls == 2


def test_the_deadline_ends_the_retries_too(scripted):
    script, address = scripted(["UNAVAILABLE"] * 100)
    start = time.monotonic()
    with Client(address, "m", timeout=0.6, retries=99) as client:
        with pytest.raises(ServingError, match="UNAVAILABLE|DEADLINE"):
            client.segment(IMAGE)
    assert time.monotonic() - start < 2
    assert 2 <= script.calls < 10


def test_a_server_that_starts_late_is_found(scripted):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    prefix = "http://" if scripted.protocol == "rest" else ""
    with Client(f"{prefix}127.0.0.1:{port}", "m", retries=1, timeout=5) as client:
        with pytest.raises(ServingError, match="UNAVAILABLE"):
            client.segment(IMAGE)
    timer = threading.Timer(0.7, scripted, ([],), {"port": port})
    timer.start()
    with Client(f"{prefix}127.0.0.1:{port}", "m", retries=9, timeout=20) as client:
        assert client.segment(IMAGE).shape == (2, 2)
    timer.join()


@pytest.mark.parametrize(
    "arguments",
    [
        {"address": "ftp://localhost"},
        {"timeout": 0},
        {"retries": -1},
        {"max_message_bytes": 0},
    ],
)
def test_arguments_that_are_of_no_use_are_errors(arguments):
    with pytest.raises(ValueError, match="Received"):
        Client(**{"address": "localhost:8500", "model": "m"} | arguments)


# The folder of the client alone, where none of these can be imported.
COPIED = """
import sys
class Refused:
    def find_spec(self, name, *args):
        if name.split(".")[0] in ("tensorflow", "keras", "keras_seg", "grpc", "PIL"):
            raise ImportError(f"{name} must not be imported")
sys.meta_path.insert(0, Refused())
folder, url, image = sys.argv[1:]
sys.path.insert(0, folder)
from client import Client
with Client(url, "pixels") as client:
    print(client.segment(image).tolist())
try:
    Client("localhost:8500", "pixels")
except ImportError as error:
    assert "keras-seg[serving]" in str(error), error
"""


def test_rest_needs_numpy_and_requests_alone(server, pixel_model, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(encode(photograph(3, 4)))
    folder = pathlib.Path(keras_seg.__file__).parent / "export"
    url = f"http://127.0.0.1:{server.rest_port}"
    command = [sys.executable, "-I", "-c", COPIED, str(folder), url, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    expected = pixel_model.classes(photograph(3, 4)).tolist()
    assert json.loads(result.stdout) == expected


def test_command_writes_class_maps_and_overlays(address, server, pixel_model, tmp_path):
    image = photograph(12, 9)
    path = tmp_path / "image.png"
    path.write_bytes(encode(image))
    given = [str(path), "--address", address, "--model", "pixels"]
    maps, pictures = tmp_path / "maps" / "classes.png", tmp_path / "overlay.png"
    main([*given, "--classes", str(maps), "--overlay", str(pictures)])
    classes = pixel_model.classes(image)
    np.testing.assert_array_equal(np.asarray(Image.open(maps)), classes)
    assert np.asarray(Image.open(pictures)).shape == image.shape

    second = tmp_path / "second.png"
    second.write_bytes(encode(photograph(5, 6)))
    main([str(second), *given, "--classes", str(tmp_path / "several")])
    names = sorted(file.name for file in (tmp_path / "several").iterdir())
    assert names == ["image.png", "second.png"]


def test_command_tells_names_and_uses_the_palette(
    address, pixel_model, tmp_path, capsys
):
    path = tmp_path / "image.png"
    path.write_bytes(encode(np.full((3, 4, 3), (200, 10, 10), "uint8")))
    (label,) = np.unique(pixel_model.classes(np.array([[200, 10, 10]])))
    labels, palette = tmp_path / "labels.txt", tmp_path / "palette.txt"
    labels.write_text("".join(f"name {i}\n" for i in range(40)))
    palette.write_text("".join(f"0 {i} 100\n" for i in range(40)))
    given = [str(path), "--address", address, "--model", "pixels"]
    files = ["--labels", str(labels), "--palette", str(palette)]
    overlay = tmp_path / "overlay.png"
    main([*given, *files, "--overlay", str(overlay)])
    assert capsys.readouterr().out == f"{path}: name {label} 100%\n"
    expected = np.round((np.array([200, 10, 10]) + [0, label, 100]) / 2)
    np.testing.assert_allclose(np.asarray(Image.open(overlay))[0, 0], expected, atol=1)


@pytest.fixture
def masks(monkeypatch):
    """Masks of three independent classes, which a scripted server answers."""
    masks = np.zeros((4, 6, 3), "uint8")
    masks[:, :3, 0], masks[:, :, 2] = 1, 1
    monkeypatch.setattr(Client, "segment", lambda self, image: masks)
    return masks


def of_masks(tmp_path, *flags):
    path = tmp_path / "image.png"
    path.write_bytes(encode(np.zeros((8, 12, 3), "uint8")))
    main([str(path), "--address", "http://127.0.0.1:9", *map(str, flags)])
    return path


def test_command_tells_the_shares_of_independent_classes(masks, tmp_path, capsys):
    path = of_masks(tmp_path)
    assert capsys.readouterr().out == f"{path}: class 2 100%, class 0 50%\n"
    masks[:] = 0
    of_masks(tmp_path)
    assert capsys.readouterr().out == f"{path}: no class\n"


def test_command_overlays_independent_classes(masks, tmp_path):
    overlay, palette = tmp_path / "overlay.png", tmp_path / "palette.txt"
    of_masks(tmp_path, "--overlay", overlay)
    assert np.asarray(Image.open(overlay)).shape == (4, 6, 3)
    palette.write_text("200 0 0\n0 200 0\n0 0 100\n")
    of_masks(tmp_path, "--overlay", overlay, "--palette", palette)
    pixels = np.asarray(Image.open(overlay))
    np.testing.assert_array_equal(pixels[0, [0, 5]], [[50, 0, 25], [0, 0, 50]])


def test_command_writes_a_mask_for_each_independent_class(masks, tmp_path):
    folder, labels = tmp_path / "classes", tmp_path / "labels.txt"
    labels.write_text("car\nroad\n")
    of_masks(tmp_path, "--classes", folder, "--labels", labels)
    for index, name in enumerate(("car", "road", "2")):
        found = np.asarray(Image.open(folder / name / "image.png"))
        np.testing.assert_array_equal(found, masks[..., index] == 1)


def test_command_writes_several_masks_to_a_folder_only(masks, tmp_path):
    with pytest.raises(SystemExit, match="must be a folder.*Received: .*classes.png"):
        of_masks(tmp_path, "--classes", tmp_path / "classes.png")
    assert not (tmp_path / "classes.png").exists()


def test_command_ends_with_a_message(server, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    address = f"http://127.0.0.1:{server.rest_port}"
    for given, message in [
        ([str(bad), "--address", address, "--model", "pixels"], "INVALID_ARGUMENT"),
        (["nothing.png", "--address", address, "--model", "pixels"], "nothing.png"),
        ([str(bad), "--address", "http://127.0.0.1:9", "--timeout", "1"], "UNAVAIL"),
    ]:
        with pytest.raises(SystemExit, match=message):
            main(given)


def test_command_writes_classes_to_no_file_that_changes_them(tmp_path):
    with pytest.raises(SystemExit, match="must be a PNG file.*Received: .*a.jpg"):
        of_masks(tmp_path, "--classes", tmp_path / "a.jpg")
