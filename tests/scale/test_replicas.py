"""The number of devices changes no loss and no metric.

The labels have very unequal shares of void, and one replica has nothing else in every
third batch. In float64, for in float32 a difference in the last digit, such as the
order of a sum, grows a hundredfold in a few steps on one device too, where an
activation crosses the kink of a ReLU; a wrong share of the loss is wrong in both.
"""

import numpy as np
import pytest

from tests.scale.networks import NETWORKS
from tests.scale.processes import FLOAT64, results, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def one_device():
    """The curves on one device, by network."""
    found = {}

    def curves(network):
        if network not in found:
            found[network] = results(start(network, *FLOAT64))[0]
        return found[network]

    return curves


@pytest.mark.parametrize("replicas", [2, 4])
@pytest.mark.parametrize("network", NETWORKS)
def test_curves_are_those_of_one_device(network, replicas, one_device, matrix):
    [curves] = results(start(network, *FLOAT64, "--replicas", replicas))
    expected = one_device(network)
    assert len(curves) == len(expected) == 20
    for step, (found, wanted) in enumerate(zip(curves, expected, strict=True)):
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            np.testing.assert_allclose(
                found[name], value, rtol=1e-5, err_msg=f"{name} at step {step}"
            )
    # They are curves: the batches differ, and the network learns.
    losses = [step["loss"] for step in curves]
    assert max(losses) - min(losses) > 0.01
    matrix(network, f"{replicas} replicas")
