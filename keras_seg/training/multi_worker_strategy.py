from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from keras_seg.training.is_chief import is_chief


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """`tf.distribute.MultiWorkerMirroredStrategy` that supports `fit` of Keras 3.

    Keras 3.15 fails on TensorFlow's own strategy (keras-team/keras issue 20585): before
    the first step it reduces a batch, which is a structure, as if it were a single
    value; after each step it reduces scalar losses and metrics along axis 0. Here
    `reduce` accepts structures, and reduces scalars over the replicas. Keras itself is
    not patched.

    Each machine runs the same program with its own `TF_CONFIG`. Create the strategy
    before TensorFlow runs anything; see `distribution_strategy`.

    Example:
        ```python
        strategy = MultiWorkerStrategy()  # with TF_CONFIG set
        with strategy.scope():
            model = HANet(11, "resnet18", 16)
            model.compile("sgd", SegmentationCrossentropy())
        ```
    """

    def reduce(self, reduce_op, value, axis):
        """Reduces each value of a structure as `tf.distribute.Strategy.reduce` does."""
        reduce_one = super().reduce

        def reduce_leaf(leaf):
            is_scalar = self.experimental_local_results(leaf)[0].shape.rank == 0
            return reduce_one(reduce_op, leaf, None if is_scalar else axis)

        return tf.nest.map_structure(reduce_leaf, value)

    def from_chief(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Broadcasts arrays from the first worker; all workers must call it together.

        Args:
            arrays: list of numeric NumPy arrays, with the same shapes and dtypes on
                every worker.

        Returns:
            list of NumPy arrays, those of worker 0.
        """
        chief = is_chief()

        def share(array):
            def contribute(context):
                first = chief and context.replica_id_in_sync_group == 0
                return tf.constant(array if first else array * 0)

            values = self.experimental_distribute_values_from_function(contribute)
            return self.reduce("SUM", values, axis=None).numpy()

        return [share(array) for array in arrays]
