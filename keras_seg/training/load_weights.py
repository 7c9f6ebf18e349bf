import keras
from keras import ops

from keras_seg.training.is_chief import is_chief
from keras_seg.training.multi_worker_strategy import MultiWorkerStrategy
from keras_seg.typing import PathLike


def load_weights(model: keras.Model, path: PathLike) -> None:
    """Loads weights into a model, on several machines from the chief's file.

    Args:
        model: `keras.Model`. On several machines, all of them must call this function.
        path: path of a `.keras` or `.weights.h5` file, which only the chief needs.

    Example:
        `load_weights(model, "runs/spnet/best.keras")`
    """
    if is_chief():
        model.load_weights(path)
    strategy = getattr(model, "distribute_strategy", None)  # TensorFlow only
    if isinstance(strategy, MultiWorkerStrategy):
        arrays = strategy.from_chief(list(map(ops.convert_to_numpy, model.variables)))
        for variable, array in zip(model.variables, arrays, strict=True):
            variable.assign(array)
