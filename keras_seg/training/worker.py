import tensorflow as tf


def worker():
    """Which of the machines that train together this process is on.

    Returns:
        Pair of ints: the place of this machine, 0 for the chief, and their number, by
        the environment variable `TF_CONFIG`; `(0, 1)` where it is not set.

    Raises:
        ValueError: If the cluster has other tasks than workers and one chief.

    Example: `training_pipeline(dataset, 16, shard=worker())`
    """
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    cluster = resolver.cluster_spec().as_dict()
    if not cluster:
        return 0, 1
    others = sorted(cluster.keys() - {"chief", "worker"})
    if others or len(cluster.get("chief", ())) > 1:
        raise ValueError(
            "The cluster of TF_CONFIG must have workers, and at most one chief beside "
            f"them. Received: {cluster}"
        )
    chiefs = len(cluster.get("chief", ()))
    count = chiefs + len(cluster.get("worker", ()))
    index = resolver.task_id + (chiefs if resolver.task_type == "worker" else 0)
    return index, count
