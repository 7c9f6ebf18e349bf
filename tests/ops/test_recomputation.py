import keras
import numpy as np
import pytest

from keras_seg.layers import BatchNormalization, Conv2D, DepthwiseConv2D

pytestmark = pytest.mark.backend("tensorflow", "other backends keep their inputs")
ACTIVATIONS = {"none": "linear", "relu": "relu", "relu6": "relu6"}
CONVOLUTIONS = {
    "pointwise": (Conv2D, {"filters": 5, "kernel_size": 1}),
    "window": (Conv2D, {"filters": 5, "kernel_size": 3, "padding": "same"}),
    "strided": (Conv2D, {"filters": 5, "kernel_size": 3, "strides": 2}),
    "dilated": (
        Conv2D,
        {"filters": 5, "kernel_size": 3, "padding": "same", "dilation_rate": 4},
    ),
    "depthwise": (DepthwiseConv2D, {"kernel_size": 3, "padding": "same"}),
    "dilated depthwise": (
        DepthwiseConv2D,
        {"kernel_size": 3, "padding": "same", "dilation_rate": 4},
    ),
}


def networks(convolution, activation, dtype="float32", dropout=False):
    """Returns a network of our layers and one of Keras's with the same weights."""
    layer, options = CONVOLUTIONS[convolution]
    keras_layer = getattr(keras.layers, layer.__name__)
    found = []
    for norm, conv in (
        (BatchNormalization, layer),
        (keras.layers.BatchNormalization, keras_layer),
    ):
        image = keras.Input((None, None, 4))
        x = norm(momentum=0.5, dtype=dtype)(image)
        x = keras.layers.Activation(ACTIVATIONS[activation], dtype=dtype)(x)
        if dropout:
            x = keras.layers.SpatialDropout2D(0.5, seed=1, dtype=dtype)(x)
        found.append(keras.Model(image, conv(**options, dtype=dtype)(x)))
    ours, theirs = found
    rng = np.random.default_rng(1)
    ours.set_weights([rng.uniform(0.5, 2, w.shape) for w in ours.get_weights()])
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def batch():
    return np.random.default_rng(0).normal(size=(2, 9, 11, 4)).astype("float32")


def step(model, training=True, **options):
    """Returns a traced function from images to outputs and gradients."""
    import tensorflow as tf

    @tf.function(autograph=False, **options)
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=training)
            loss = tf.reduce_sum(tf.sin(tf.cast(y, "float32")))
        variables = [tf.convert_to_tensor(v) for v in model.non_trainable_variables]
        return y, *tape.gradient(loss, [x, *model.trainable_variables]), *variables

    return run


def forward_consumers(model, training=True):
    """Returns the types of the ops that read what leads to the convolution's input."""
    function = step(model, training).get_concrete_function(batch())
    norms = [
        op
        for op in function.graph.get_operations()
        if op.type == "FusedBatchNormV3" and op.get_attr("is_training") == training
    ]
    found, ahead = set(), [norms[0].outputs[0]]
    while ahead:
        consumers = ahead.pop().consumers()
        found |= {op.type for op in consumers}
        elementwise = "Relu", "Relu6", "Mul", "SelectV2"
        ahead += [op.outputs[0] for op in consumers if op.type in elementwise]
    return found


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("convolution", CONVOLUTIONS)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_gradients_equal_those_of_keras(convolution, activation, jit_compile):
    ours, theirs = networks(convolution, activation)
    found = step(ours, jit_compile=jit_compile)(batch())
    expected = step(theirs)(batch())
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_gradients_behind_dropout_equal_those_of_keras(convolution):
    ours, theirs = networks(convolution, "relu", dropout=True)
    for own, other in zip(step(ours)(batch()), step(theirs)(batch()), strict=True):
        scale = np.abs(np.asarray(other)).max()
        np.testing.assert_allclose(own, other, atol=1e-5 * max(scale, 1.0))


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
def test_in_half_precision(convolution):
    ours, theirs = networks(convolution, "relu6", "mixed_float16")
    x = batch()
    for own, other in zip(step(ours)(x), step(theirs)(x), strict=True):
        scale = np.abs(np.asarray(other, "float32")).max()
        np.testing.assert_allclose(own, other, atol=0.02 * scale)


@pytest.mark.parametrize("dropout", [False, True])
@pytest.mark.parametrize("activation", ["relu", "relu6"])
@pytest.mark.parametrize("convolution", ["window", "depthwise"])
def test_no_gradient_reads_the_input_of_a_convolution(convolution, activation, dropout):
    ours, _ = networks(convolution, activation, dropout=dropout)
    gradients = {"Conv2DBackpropFilter", "DepthwiseConv2dNativeBackpropFilter"}
    gradients |= {"ReluGrad", "Relu6Grad"}
    assert not forward_consumers(ours) & gradients
    # With constant statistics, as in inference, nothing is changed.
    assert forward_consumers(ours, training=False) & gradients


def runs_after(op, others):
    """Returns whether an op runs after at least one of others."""
    found, ahead = set(), [op]
    while ahead:
        current = ahead.pop()
        if current.name in found:
            continue
        found.add(current.name)
        ahead += [tensor.op for tensor in current.inputs] + current.control_inputs
    return any(other.name in found for other in others)


def test_what_gradients_need_is_computed_in_the_backward_pass():
    ours, _ = networks("dilated", "relu")
    operations = step(ours).get_concrete_function(batch()).graph.get_operations()
    cosines = [op for op in operations if op.type == "Cos"]  # of the loss
    again = [
        op
        for op in operations
        if op.type == "FusedBatchNormV3" and not op.get_attr("is_training")
    ]
    slices = [op for op in operations if op.type == "StridedSlice"]
    maps = [op for op in slices if op.outputs[0].shape.rank == 4]
    assert len(again) == 1 and len(maps) >= 9
    assert all(runs_after(op, cosines) for op in again + maps)


def test_second_derivatives_equal_those_of_keras():
    import tensorflow as tf

    def penalty_gradient(model):
        @tf.function(autograph=False)
        def run(x):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    loss = tf.reduce_sum(tf.sin(model(x, training=True)))
                # That of the kernel depends on the recomputed map.
                gradients = inner.gradient(loss, [x, *model.trainable_variables])
                penalty = sum(tf.reduce_sum(gradient**2) for gradient in gradients)
            return outer.gradient(penalty, [x, *model.trainable_variables])

        return run(tf.constant(batch()))

    ours, theirs = networks("window", "relu")
    for own, other in zip(
        penalty_gradient(ours), penalty_gradient(theirs), strict=True
    ):
        scale = np.abs(other).max()
        np.testing.assert_allclose(own, other, atol=1e-4 * scale)


def test_gradients_reach_a_trainable_factor_of_the_input():
    import tensorflow as tf

    factor = tf.constant(3.0)
    norm, conv = BatchNormalization(), Conv2D(5, 3)

    @tf.function(autograph=False)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(factor)
            loss = tf.reduce_sum(tf.sin(conv(norm(x, training=True) * factor)))
        return tape.gradient(loss, factor)

    y = norm(batch(), training=True)
    with tf.GradientTape() as tape:
        tape.watch(factor)
        loss = tf.reduce_sum(tf.sin(conv(y * factor)))
    np.testing.assert_allclose(gradient(batch()), tape.gradient(loss, factor), 1e-4)


def test_other_inputs_are_kept():
    image = keras.Input((None, None, 4))
    shifted = keras.layers.Rescaling(2.0)(BatchNormalization()(image))
    model = keras.Model(image, Conv2D(5, 3)(keras.layers.ReLU()(shifted)))
    function = step(model).get_concrete_function(batch())
    relu = next(op for op in function.graph.get_operations() if op.type == "Relu")
    readers = {op.type for op in relu.outputs[0].consumers()}
    assert {"Conv2D", "Conv2DBackpropFilter", "ReluGrad"} <= readers
