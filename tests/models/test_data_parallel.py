"""Under JAX, several devices train as one."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.backend("jax", "keras.distribution")


@pytest.mark.parametrize(
    "network",
    [
        "spnet",
        "cpnet",
        *(pytest.param(x, marks=pytest.mark.slow) for x in ("hanet", "fused", "dsrl")),
    ],
)
def test_four_devices_train_as_one(network):
    """The losses are of the global batch, which the devices share very unequally."""
    flags = "--xla_force_host_platform_device_count=4"
    run = subprocess.run(
        [sys.executable, "-m", "tests.models.data_parallel", network],
        cwd=ROOT,
        env=os.environ | {"XLA_FLAGS": flags},
        stdout=subprocess.PIPE,
        check=True,
    )
    one, four = json.loads(run.stdout.splitlines()[-1])
    assert len(one["loss"]) == 3 and one["loss"][0] > one["loss"][-1]
    for name, values in one.items():
        # A pixel whose two largest logits are equal may count for either class.
        rtol = 1e-3 if name.endswith("iou") else 1e-4
        np.testing.assert_allclose(four[name], values, rtol=rtol, err_msg=name)
