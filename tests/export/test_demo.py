"""The client as the command that docs/guides/serving.md shows."""

import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from keras_seg.export import export_saved_model
from tests.export.images import encode, photograph
from tests.export.model_server import ModelServer
from tests.models.networks import tiny_spnet

pytestmark = pytest.mark.slow


@pytest.fixture
def addresses(tmp_path):
    """Of a server: (gRPC, REST)."""
    keras.utils.set_random_seed(0)
    export_saved_model(tiny_spnet(), tmp_path / "saved_models" / "spnet" / "1")
    with ModelServer(tmp_path / "saved_models") as server:
        yield f"127.0.0.1:{server.port}", f"http://127.0.0.1:{server.rest_port}"


def client(folder, *arguments):
    command = [sys.executable, "-m", "keras_seg.export.client", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_a_photograph_is_segmented_by_one_command(addresses, tmp_path):
    (tmp_path / "street.jpg").write_bytes(encode(photograph(120, 160), "JPEG"))
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    for address in addresses:
        broken = client(tmp_path, "broken.jpg", "--address", address)
        assert broken.returncode == 1
        assert "INVALID_ARGUMENT" in broken.stderr
        output = pathlib.Path(tmp_path, "overlay.png")
        given = ["street.jpg", "--address", address, "--overlay", str(output)]
        result = client(tmp_path, *given)
        assert result.returncode == 0, result.stderr
        assert re.match(r"street.jpg: class \d \d+%", result.stdout)
        assert np.asarray(Image.open(output)).shape == (120, 160, 3)
        output.unlink()
