import keras
import numpy as np
import pytest
from keras import ops

from keras_seg.layers import NetworkTensor
from keras_seg.losses import SegmentationCrossentropy
from keras_seg.metrics import MeanIoU
from keras_seg.models import CPNet, inference_model, replace_classifier
from tests.models.networks import cheap_deeplab


def weights(model):
    return {weight.path: ops.convert_to_numpy(weight) for weight in model.weights}


@pytest.mark.parametrize("auxiliary_head", [True, False])
def test_all_weights_but_the_classifiers_are_kept(auxiliary_head):
    model = cheap_deeplab(auxiliary_head=auxiliary_head)
    model.compile("sgd", SegmentationCrossentropy(), metrics=None)
    changed = replace_classifier(model, 5)
    for old, new in zip(model.weights, changed.weights, strict=True):
        if "classifier" in old.path:
            assert tuple(new.shape) == (*old.shape[:-1], 5)
        else:
            np.testing.assert_array_equal(new, ops.convert_to_numpy(old))
    images = np.zeros((2, 45, 67, 3))
    outputs = changed(images)
    outputs = outputs if auxiliary_head else {"segmentation": outputs}
    assert {tuple(logits.shape) for logits in outputs.values()} == {(2, 45, 67, 5)}
    assert (changed.name, changed.compiled) == (model.name, False)


def test_the_copy_trains_by_itself(tmp_path):
    model = cheap_deeplab()
    model.compile(
        "sgd",
        {name: SegmentationCrossentropy() for name in model.output},
        metrics={"segmentation": [MeanIoU(3)]},
    )
    model.save(tmp_path / "trained.keras")
    model = keras.saving.load_model(tmp_path / "trained.keras")
    changed = replace_classifier(inference_model(model), 4)
    changed.get_layer("backbone").trainable = False
    old, frozen = weights(model), weights(changed.get_layer("backbone"))
    changed.compile(
        keras.optimizers.SGD(0.1), SegmentationCrossentropy(), metrics=[MeanIoU(4)]
    )
    rng = np.random.default_rng(0)
    images, labels = (
        rng.uniform(0, 255, (2, 32, 32, 3)),
        rng.integers(0, 4, (2, 32, 32)),
    )
    changed.fit(images, labels, verbose=0)
    for path, array in frozen.items():
        np.testing.assert_array_equal(
            weights(changed.get_layer("backbone"))[path], array
        )
    for path, array in weights(model).items():
        np.testing.assert_array_equal(array, old[path])


def test_a_dense_classifier():
    image = keras.Input((None, None, 3))
    x = keras.layers.Dense(4)(keras.layers.Conv2D(5, 3, padding="same")(image))
    model = keras.Model(image, NetworkTensor("logits")(x))
    assert replace_classifier(model, 7).output_shape[-1] == 7


def test_only_new_weights_of_a_frozen_network_are_trained():
    image = keras.Input((8, 8, 4))
    x = keras.layers.MultiHeadAttention(2, 2)(image, image)
    x = keras.layers.Conv2D(3, 1, name="classifier")(x)
    model = keras.Model(image, NetworkTensor("logits")(x))
    model.trainable = False
    changed = replace_classifier(model, 5)
    paths = [weight.path for weight in changed.trainable_weights]
    assert paths == ["classifier/kernel", "classifier/bias"]


def test_functions_in_the_network_stay():
    image = keras.Input((None, None, 3))
    scale = 2.0  # a restored function would not find it
    x = keras.layers.Lambda(lambda x: x * scale)(image)
    x = keras.layers.Conv2D(4, 1)(x)
    model = keras.Model(image, NetworkTensor("logits")(x))
    assert replace_classifier(model, 7)(np.zeros((1, 8, 8, 3))).shape == (1, 8, 8, 7)


def test_functions_in_the_backbone_stay():
    image = keras.Input((None, None, 3))
    scale = 1 / 255
    x = keras.layers.Lambda(lambda x: x * scale)(image)
    for _ in range(3):
        x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    model = CPNet(3, keras.Model(image, x), prior_size=None, head_filters=4)
    model.get_layer("backbone").layers[-1].trainable = False
    changed = replace_classifier(model, 3)
    classifier = changed.get_layer("segmentation_classifier")
    classifier.set_weights(model.get_layer(classifier.name).get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (1, 24, 16, 3))
    np.testing.assert_allclose(changed(images), model(images), atol=1e-6)
    old, new = (x.get_layer("backbone") for x in (model, changed))
    assert type(new) is type(old)
    assert [w.path for w in new.weights] == [w.path for w in old.weights]
    assert [w.trainable for w in new.weights] == [w.trainable for w in old.weights]


def test_bad_arguments():
    with pytest.raises(ValueError, match="Received: num_classes=0"):
        replace_classifier(cheap_deeplab(), 0)
    inputs = keras.Input((None, None, 3))
    other = keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs))
    with pytest.raises(ValueError, match="must mark its classifiers"):
        replace_classifier(other, 4)
    marked = NetworkTensor("logits")(keras.layers.ReLU(name="last")(inputs))
    with pytest.raises(ValueError, match="'last' of type ReLU"):
        replace_classifier(keras.Model(inputs, marked), 4)
