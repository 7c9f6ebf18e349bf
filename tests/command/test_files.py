import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_seg.command.files import reading_error
from keras_seg.data import ImageFolder, evaluation_pipeline


def test_errors_of_reading_are_told_without_tensorflows_own_words(tmp_path):
    Image.fromarray(np.full((6, 8), 128, "uint8")).save(tmp_path / "a.png")
    batches = evaluation_pipeline(ImageFolder(tmp_path, tmp_path, ["road", "car"]))
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        next(iter(batches))
    message = reading_error(caught.value)
    assert message.startswith(f"The label {tmp_path}/a.png holds the values 128, which")
    other = tf.errors.InvalidArgumentError(None, None, "Shapes differ\nin a step")
    assert reading_error(other) == "Shapes differ"
