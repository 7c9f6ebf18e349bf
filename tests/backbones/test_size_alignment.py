import keras
import pytest

from keras_seg.backbones import build, feature_pyramid, size_alignment


def network(*layers, size=(None, None)):
    x = image = keras.Input((*size, 3))
    for layer in layers:
        x = layer(x)
    return keras.Model(image, x)


def conv(kernel_size, padding, strides=2):
    return keras.layers.Conv2D(4, kernel_size, strides, padding)


@pytest.mark.parametrize(
    ("layers", "alignment"),
    [
        ([conv(3, "same"), conv(3, "same"), conv(3, "same")], 8),
        ([conv(4, "same", 4), conv(2, "same"), conv(1, "same")], 1),
        ([conv(4, "same", 4), conv(5, "same")], 8),
        ([keras.layers.ZeroPadding2D(1), conv(3, "valid")], 1),
        ([conv(3, "same"), keras.layers.MaxPooling2D(3, 2, "same")], 4),
        # None of its rows is to be missing, which takes another factor of 2.
        ([conv(3, "same"), keras.layers.AveragePooling2D(2)], 4),
        ([keras.layers.AveragePooling2D(2)], 2),
        ([keras.layers.MaxPooling2D(2) for _ in range(5)], 32),
        ([keras.layers.ZeroPadding2D(((0, 1), (0, 1))), conv(3, "valid")], 2),
        # Some rows are missing at every size.
        ([conv(3, "valid")], 1),
    ],
)
def test_the_strides_whose_windows_move(layers, alignment):
    assert size_alignment(feature_pyramid(network(*layers))) == alignment


@pytest.mark.parametrize(
    ("name", "output_stride", "alignment"),
    [
        ("resnet18", 8, 32),
        ("resnet18", 16, 32),
        ("resnet18", 32, 32),
        ("efficientnet_lite_b0", 16, 32),
        ("resnet50_c", 8, 1),
    ],
)
def test_dilation_does_not_change_it(name, output_stride, alignment):
    assert size_alignment(build(name, output_stride)) == alignment
