import numpy as np
import pytest

from keras_seg.export.comparison import WrongShapeError, require_agreement


def test_an_axis_too_many_is_no_agreement():
    """NumPy would broadcast it."""
    logits = np.random.default_rng(0).normal(size=(2, 4, 6, 3))
    answer = {"logits": logits, "classes": logits.argmax(axis=-1)}
    require_agreement(answer, logits, 1e-4, "The runtime", "at 4 x 6")
    for name, values in answer.items():
        with pytest.raises(WrongShapeError, match=rf'"{name}".*Received: \(1, 2, 4'):
            require_agreement({name: values[None]}, logits, 1e-4, "It", "at 4 x 6")
