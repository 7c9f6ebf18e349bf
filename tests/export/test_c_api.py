"""The exported model in a session of TensorFlow's C++ code, as TF Serving runs it."""

import pathlib
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras_seg.export import export_saved_model
from tests.export import c_api
from tests.export.images import bad_files, encode, photograph
from tests.models.networks import cheap_deeplab

INVALID_ARGUMENT = 3


def library():
    folder = pathlib.Path(tf.sysconfig.get_lib())
    found = sorted(folder.glob("libtensorflow_cc.so.*"))
    if not found:
        pytest.skip("the wheel of TensorFlow has no libtensorflow_cc here")
    return str(found[0])


def tensor_names(path):
    """`{signature: ({input: tensor}, {output: tensor})}` of the file itself."""
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((path / "saved_model.pb").read_bytes())
    (meta_graph,) = saved_model.meta_graphs
    return {
        name: tuple(
            {key: info.name for key, info in side.items()}
            for side in (signature.inputs, signature.outputs)
        )
        for name, signature in meta_graph.signature_def.items()
        if not name.startswith("__")
    }


def run(path, folder, requests):
    """Answers `(signature, value)` in a process of its own."""
    names = tensor_names(path)
    feeds = []
    for signature, value in requests:
        inputs, outputs = names[signature]
        feed = {inputs["images"]: value}
        feeds.append({"feeds": feed, "fetches": list(outputs.values())})
    (folder / "requests").write_bytes(pickle.dumps(feeds))
    script = pathlib.Path(c_api.__file__)
    files = [str(folder / name) for name in ("requests", "answers")]
    command = [sys.executable, str(script), library(), str(path), *files]
    # `-I`: nothing of this project can be imported there.
    subprocess.run([command[0], "-I", *command[1:]], check=True)
    answers = pickle.loads((folder / "answers").read_bytes())
    return [a if isinstance(a, tuple) else next(iter(a.values())) for a in answers]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    keras.utils.set_random_seed(0)
    model = cheap_deeplab()
    path = tmp_path_factory.mktemp("c_api") / "street" / "1"
    return model, export_saved_model(model, path, encoded_size=(32, 48))


def test_every_signature_answers_and_bad_requests_are_errors(exported, tmp_path):
    model, path = exported
    images = np.stack([photograph(45, 67, seed) for seed in (0, 1)])
    files = [encode(image) for image in images]
    good = [
        ("serving_default", images),
        ("probabilities", images),
        ("float", images.astype("float32")),
        ("encoded", files[:1]),
        ("encoded", files),
    ]
    bad = [("encoded", [content]) for content, _ in bad_files().values()]
    bad += [
        ("encoded", []),
        ("float", images[0].astype("float32")),
        ("probabilities", images[0]),
        ("serving_default", images[0]),  # another rank
        ("serving_default", images[None]),
        ("serving_default", images[..., :2]),  # another number of channels
        ("serving_default", images[:, :0]),
        ("serving_default", images[:0]),
        ("serving_default", images.astype("float32")),  # another type
        ("serving_default", np.zeros((1, 4097, 4096, 3), "uint8")),
    ]
    answers = run(path, tmp_path, good + bad + good)
    expected = tf.nn.softmax(model(images)["segmentation"]).numpy()
    for results in (answers[: len(good)], answers[-len(good) :]):
        masks, probabilities, floats, single, several = results
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
        for classes, reference in [
            (masks, expected),
            (floats, expected),
            (single, expected[:1]),
        ]:
            assert classes.dtype == np.uint8
            second, first = np.moveaxis(np.sort(reference, axis=-1)[..., -2:], -1, 0)
            clear = first - second > 2e-5
            wanted = reference.argmax(-1)
            np.testing.assert_array_equal(classes[clear], wanted[clear])
        assert several.shape == (2, 32, 48)
    errors = answers[len(good) : -len(good)]
    assert len(errors) == len(bad)
    for error, request in zip(errors, bad, strict=True):
        assert isinstance(error, tuple), request
        assert error[0] == INVALID_ARGUMENT, error
