import tensorflow as tf


def worker() -> tuple[int, int]:
    """Returns the index of this machine and the number of machines that train together.

    Returns:
        Pair of ints: the index of this machine, 0 for the chief, and the number of
        machines, from the environment variable `TF_CONFIG`; `(0, 1)` if it is not set.

    Raises:
        ValueError: If the cluster has tasks other than workers and one chief.

    Example:
        `training_pipeline(dataset, 16, shard=worker())`
    """
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    cluster = resolver.cluster_spec().as_dict()
    if not cluster:
        return 0, 1
    others = sorted(cluster.keys() - {"chief", "worker"})
    if others or len(cluster.get("chief", ())) > 1:
        raise ValueError(
            "The cluster in TF_CONFIG must consist of workers and at most one chief. "
            f"Received: {cluster}"
        )
    chiefs = len(cluster.get("chief", ()))
    count = chiefs + len(cluster.get("worker", ()))
    index = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
    return index, count
