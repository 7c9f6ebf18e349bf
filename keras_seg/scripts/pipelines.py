from keras_seg.data import Augmentation, evaluation_pipeline, training_pipeline
from keras_seg.training import epochs_done, worker


def pipelines(args, train_set, val_set, strategy, positions=False):
    """Augmented batches to train on, and whole images to validate on.

    Args:
        args: what `arguments(...).parse_args()` gives.
        train_set: `SegmentationDataset`.
        val_set: `SegmentationDataset`.
        strategy: the `tf.distribute.Strategy` to train under.
        positions: bool. Whether the model takes the positions of its rows.

    Returns:
        Pair of `tf.data.Dataset`; see `training_pipeline` and `evaluation_pipeline`.
    """
    train = training_pipeline(
        train_set,
        args.batch_size,
        Augmentation(args.crop, scale=args.scale),
        args.seed,
        args.cache,
        positions,
        first_epoch=epochs_done(args.output / "backup", strategy),
        shard=worker(),
        class_balance=args.class_balance,
    )
    print(
        f"{len(train_set)} images to train on, {len(val_set)} to validate on, "
        f"{train_set.num_classes} classes, {len(train)} steps an epoch"
    )
    devices = strategy.num_replicas_in_sync
    val_batch_size = -(-args.val_batch_size // devices) * devices
    val = evaluation_pipeline(val_set, val_batch_size, positions, shard=worker())
    return train, val
