import warnings

import numpy as np
import tensorflow as tf


def write_warmup_requests(path, name, functions, sizes):
    """Writes the requests that TF Serving sends to a model before it is available.

    The first request of each size is slow, because TensorFlow optimizes the graph and
    allocates memory. The file is `assets.extra/tf_serving_warmup_requests`, where TF
    Serving looks for it; it has a request for each signature and size.

    Args:
        path: `pathlib.Path` of the SavedModel's folder.
        name: str. The model's name in the server.
        functions: dict `{name: tf.function}` of `signatures`.
        sizes: list of pairs (height, width).

    Warns:
        UserWarning: If tensorflow-serving-api is not installed; nothing is written.

    Example:
        `write_warmup_requests(path, "spnet", functions, [(512, 1024)])`
    """
    try:
        from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2
    except ImportError:
        warnings.warn(
            "The model is exported without warm-up requests, which need "
            'tensorflow-serving-api: pip install "keras-seg[serving]".',
            stacklevel=3,
        )
        return
    file = path / "assets.extra" / "tf_serving_warmup_requests"
    file.parent.mkdir()
    with tf.io.TFRecordWriter(str(file)) as writer:
        for signature, function in functions.items():
            for size in sizes:
                request = predict_pb2.PredictRequest(
                    model_spec=model_pb2.ModelSpec(name=name, signature_name=signature),
                    inputs={
                        spec.name: _example(spec, size)
                        for spec in function.input_signature
                    },
                )
                log = prediction_log_pb2.PredictLog(request=request)
                log = prediction_log_pb2.PredictionLog(predict_log=log)
                writer.write(log.SerializeToString())


def _example(spec, size):
    if spec.dtype == tf.string:
        gray = np.full((*size, 3), 127, "uint8")
        return tf.make_tensor_proto([tf.io.encode_png(gray).numpy()])
    shape = (1, size[0]) if spec.name == "positions" else (1, *size, spec.shape[-1])
    # One value for all pixels keeps the record of a large image small.
    return tf.make_tensor_proto(64, dtype=spec.dtype, shape=shape)
