"""The files that TensorFlow Serving is started with, read as it reads them."""

import pathlib

import pytest
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
)
from google.protobuf import wrappers_pb2 as _  # noqa: F401  (its types are referred to)
from tensorflow_serving.config import model_server_config_pb2

from keras_seg.export.batching_parameters import write_batching_parameters
from tests.paths import ROOT

FOLDER = ROOT / "saved_models"
# Of TF Serving's session_bundle_config.proto, which is in no package.
BATCHING = {
    "max_batch_size": "Int64Value",
    "batch_timeout_micros": "Int64Value",
    "max_enqueued_batches": "Int64Value",
    "num_batch_threads": "Int64Value",
    "thread_pool_name": "StringValue",
}
# Of TF Serving's main.cc.
FLAGS = {
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "enable_batching",
    "batching_parameters_file",
    "enable_per_model_batching_parameters",
    "rest_api_timeout_in_ms",
}


@pytest.fixture(scope="module")
def batching_parameters():
    """The class of the message, made of its fields."""
    file = descriptor_pb2.FileDescriptorProto(
        name="batching.proto",
        package="test",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    message = file.message_type.add(name="BatchingParameters")
    for number, (name, kind) in enumerate(BATCHING.items(), start=1):
        message.field.add(
            name=name,
            number=number,
            label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
            type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
            type_name=f".google.protobuf.{kind}",
        )
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    descriptor = pool.FindMessageTypeByName("test.BatchingParameters")
    return message_factory.GetMessageClass(descriptor)


def read_yaml(name):
    yaml = pytest.importorskip("yaml")
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def flags(arguments):
    return dict(argument.removeprefix("--").split("=", 1) for argument in arguments)


def test_models_config_has_the_demo_where_it_is_mounted():
    config = model_server_config_pb2.ModelServerConfig()
    text_format.Parse((FOLDER / "models.config").read_text(), config)
    (model,) = config.model_config_list.config
    assert model.name == "spnet"
    assert model.base_path == "/models/spnet"
    assert model.model_platform == "tensorflow"


def test_batching_parameters_parse(batching_parameters, tmp_path):
    text = (FOLDER / "batching.config").read_text()
    common = text_format.Parse(text, batching_parameters())
    assert common.num_batch_threads.value > 0
    # What would not be read here, where models have their own.
    assert not common.HasField("max_batch_size")
    write_batching_parameters(tmp_path)
    text = (tmp_path / "batching_params.pbtxt").read_text()
    own = text_format.Parse(text, batching_parameters())
    assert own.max_batch_size.value > 1
    assert 0 < own.batch_timeout_micros.value < 1e6


def test_compose_file_starts_serving_with_these_files():
    (compose,) = read_yaml("compose.yaml")
    service = compose["services"]["serving"]
    assert service["image"].startswith("tensorflow/serving:")
    assert service["ports"] == ["8500:8500", "8501:8501"]
    assert service["volumes"] == [".:/models:ro"]
    check_flags(flags(service["command"]))


def test_kubernetes_manifest_starts_serving_with_these_files():
    deployment, service = read_yaml("kubernetes.yaml")
    assert (deployment["kind"], service["kind"]) == ("Deployment", "Service")
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == labels
    (container,) = template["spec"]["containers"]
    check_flags(flags(container["args"]))
    (mount,) = container["volumeMounts"]
    (volume,) = template["spec"]["volumes"]
    assert mount["name"] == volume["name"] and mount["mountPath"] == "/models"
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    for port in service["spec"]["ports"]:
        assert ports[port["targetPort"]] == port["port"]
    for probe in ("startupProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"] == "/v1/models/spnet"


def check_flags(given):
    assert given.keys() <= FLAGS
    # Without it, images of different sizes would be merged, which fails.
    assert given["enable_per_model_batching_parameters"] == "true"
    for name in ("model_config_file", "batching_parameters_file"):
        path = pathlib.PurePosixPath(given[name])
        assert path.parent == pathlib.PurePosixPath("/models")
        assert (FOLDER / path.name).exists()
