from keras import ops

from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.training.worker import worker


def load_weights(model, path):
    """`model.load_weights`, for which on several machines only the chief has the file.

    Args:
        model: `keras.Model`; all machines must call this at once.
        path: of a `.keras` or `.weights.h5` file.

    Example: `load_weights(model, "runs/spnet/best.keras")`
    """
    if worker()[0] == 0:
        model.load_weights(path)
    strategy = getattr(model, "distribute_strategy", None)  # TensorFlow's
    if isinstance(strategy, MultiWorkerStrategy):
        arrays = strategy.from_chief(list(map(ops.convert_to_numpy, model.variables)))
        for variable, array in zip(model.variables, arrays, strict=True):
            variable.assign(array)
