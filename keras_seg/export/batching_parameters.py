import pathlib

# A request waits at most 5 ms for others. TensorFlow Serving's batching guide describes
# further parameters.
_TEXT = """\
max_batch_size {{ value: {} }}
batch_timeout_micros {{ value: 5000 }}
max_enqueued_batches {{ value: 32 }}
"""


def write_batching_parameters(path, max_images=8):
    """Writes the parameters with which TF Serving merges requests into batches.

    TF Serving reads `batching_params.pbtxt` in the version folder if it runs with
    `--enable_batching` and `--enable_per_model_batching_parameters`. It then serves
    models without this file request by request.

    Args:
        path: str or path of the SavedModel's folder.
        max_images: int. The largest number of images in a batch.

    Example:
        `write_batching_parameters("saved_models/spnet/1")`
    """
    (pathlib.Path(path) / "batching_params.pbtxt").write_text(_TEXT.format(max_images))
