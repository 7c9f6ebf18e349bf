import tensorflow as tf

from keras_seg.training.worker import worker


class MultiWorkerStrategy(tf.distribute.MultiWorkerMirroredStrategy):
    """TensorFlow's `MultiWorkerMirroredStrategy`, on which `fit` of Keras 3 works.

    Keras 3.15 fails on TensorFlow's own (keras-team/keras issue 20585): before the
    first step it reduces a batch, a structure, as if it were one value; after each
    step it reduces the losses and metrics, which are scalars, along their axis 0. Here
    `reduce` takes structures, and reduces scalars over the replicas. Nothing of Keras
    is replaced: once it asks for neither, this class is TensorFlow's.

    As there, each machine runs the same program with its own `TF_CONFIG`, and this
    comes first, before TensorFlow runs anything. See `distribution_strategy`.
    """

    def reduce(self, reduce_op, value, axis):
        """Like `tf.distribute.Strategy.reduce`, of each value in a structure."""
        reduce_one = super().reduce

        def reduce_leaf(leaf):
            is_scalar = self.experimental_local_results(leaf)[0].shape.rank == 0
            return reduce_one(reduce_op, leaf, None if is_scalar else axis)

        return tf.nest.map_structure(reduce_leaf, value)

    def from_chief(self, arrays):
        """What the first worker has, on every worker; all must call it at once.

        Args:
            arrays: list of NumPy arrays of numbers, of the same shapes and dtypes on
                every worker.

        Returns:
            list of NumPy arrays, those of worker 0.
        """
        is_chief = worker()[0] == 0

        def share(array):
            def contribute(context):
                first = is_chief and context.replica_id_in_sync_group == 0
                return tf.constant(array if first else array * 0)

            values = self.experimental_distribute_values_from_function(contribute)
            return self.reduce("SUM", values, axis=None).numpy()

        return [share(array) for array in arrays]
