import keras
import pytest

from keras_seg.inference import flops, sliding_window
from keras_seg.models import CPNet
from keras_seg.ops import xla_scope


def test_convolutions_are_counted():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, 2, "same", use_bias=False)(image)
    x = keras.layers.DepthwiseConv2D(5, padding="same", use_bias=False)(x)
    x = keras.layers.Conv2DTranspose(4, 2, 2, "same", use_bias=False)(x)
    model = keras.Model(image, x)
    cells = 10 * 12
    expected = 2 * cells * (9 * 3 * 8 + 25 * 8 + 4 * 8 * 4)
    assert flops(model, (20, 24)) == expected


def test_attention_is_counted():
    x = image = keras.Input((4, 6, 8))
    x = keras.layers.Reshape((24, 8))(x)
    pairs = keras.ops.einsum("bnc,bmc->bnm", x, x)
    assert flops(keras.Model(image, pairs), (4, 6)) == 2 * 24 * 24 * 8


def test_xla_does_not_change_the_count():
    network = CPNet(2, "resnet18", prior_size=(4, 4))
    with xla_scope(True):
        compiled = flops(network, (32, 32))
    with xla_scope(False):
        assert compiled == flops(network, (32, 32))


def test_windows_cannot_be_counted():
    image = keras.Input((None, None, 3))
    network = keras.Model(image, keras.layers.Conv2D(2, 1)(image))
    with pytest.raises(ValueError, match="must not have loops"):
        flops(sliding_window(network, (8, 8)), (16, 16))


def test_what_cannot_be_counted():
    images = [keras.Input((None, None, 3), name=name) for name in ("a", "b")]
    two = keras.Model(images, keras.layers.Add()(images))
    with pytest.raises(ValueError, match=r"one input.*\['a', 'b'\].*inference_model"):
        flops(two, (16, 16))
    with pytest.raises(TypeError, match="functional keras.Model. Received: str"):
        flops("best.keras", (16, 16))
    with pytest.raises(ValueError, match="`size` must be .*Received: size=16"):
        flops(keras.Model(images[0], images[0] * 2), 16)
