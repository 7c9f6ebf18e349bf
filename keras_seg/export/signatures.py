import tensorflow as tf

from keras_seg.export.encoded_images import decode_images


def signatures(serving, takes_positions, encoded_size, always):
    """Returns the functions of a served model by signature name.

    `export_saved_model` describes the inputs and outputs of each.

    Args:
        serving: `GuardedFunction` of the model.
        takes_positions: bool. Whether clients also send row positions.
        encoded_size: pair (height, width) to which images of files are resized, or
            None.
        always: bool. Whether a single image is resized too.

    Returns:
        Dict `{name: tf.function}` with input signatures. It contains "encoded" only for
        images with three channels.

    Example:
        `signatures(serving, False, (512, 1024), always=False)["float"]`
    """
    image, *others = serving.network.inputs
    rows = [
        tf.TensorSpec(t.shape, "int32", name="positions")
        for t in others
        if takes_positions
    ]

    def classes(*inputs):
        return serving.answer(["classes"], *inputs)

    def probabilities(*inputs):
        return serving.answer(["probabilities"], *inputs)

    def encoded(contents):
        return classes(decode_images(contents, encoded_size, always, max_pixels))

    max_pixels = serving.max_pixels
    integers = [tf.TensorSpec(image.shape, "uint8", name="images"), *rows]
    floats = [tf.TensorSpec(image.shape, "float32", name="images"), *rows]
    contents = [tf.TensorSpec((None,), "string", name="images")]
    offered = {
        "serving_default": (classes, integers),
        "probabilities": (probabilities, integers),
        "float": (classes, floats),
    }
    if image.shape[-1] == 3:
        offered["encoded"] = (encoded, contents)
    return {
        name: tf.function(function, input_signature=specs, autograph=False)
        for name, (function, specs) in offered.items()
    }
