import numpy as np
import pytest
from keras import ops

from keras_seg.scripts import arguments, optimizer


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_the_backbone_learns_at_its_own_rate(kind):
    command = ["--optimizer", kind, "--learning-rate", "0.5", "--weight-decay", "0.1"]
    parse = arguments("", "name").parse_args
    plain = optimizer(parse(command), 100)
    assert not plain.rate_groups and plain.weight_decay == 0.1
    groups = {"attention": 0.2}
    made = optimizer(parse([*command, "--backbone-rate", "0.1"]), 100, groups)
    assert made.rate_groups == {"backbone": 0.1} and made.decay_groups == groups
    rates = [float(ops.convert_to_numpy(made._learning_rate(n))) for n in (0, 50, 100)]
    np.testing.assert_allclose(rates, [0.5, 0.5 * 0.5**0.9, 0], rtol=1e-6)
