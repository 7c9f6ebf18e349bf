import pathlib

# A request waits 5 ms for others at most, and eight images are one batch. What more to
# set is in TensorFlow Serving's guide to batching.
_TEXT = """\
max_batch_size { value: 8 }
batch_timeout_micros { value: 5000 }
max_enqueued_batches { value: 32 }
"""


def write_batching_parameters(path):
    """Writes what lets TF Serving merge requests to this model into batches.

    TF Serving reads `batching_params.pbtxt` in the version's folder where it runs with
    `--enable_batching` and `--enable_per_model_batching_parameters`; models without
    the file are then served request by request.

    Args:
        path: folder of the SavedModel.

    Example: `write_batching_parameters("saved_models/spnet/1")`
    """
    (pathlib.Path(path) / "batching_params.pbtxt").write_text(_TEXT)
