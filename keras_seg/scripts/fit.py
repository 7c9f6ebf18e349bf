from keras_seg.training import callbacks, distribute_batches, named_targets, worker


def fit(args, model, train, val, scale=1):
    """Trains a compiled model; the best one stays in `best.keras` of the run's folder.

    The backup of the finished run stays too, until `report` is done.

    Args:
        args: what `arguments(...).parse_args()` gives.
        model: compiled `keras.Model` with the metric `MeanIoU` on "segmentation".
        train: `tf.data.Dataset` of images and labels.
        val: `tf.data.Dataset` of images and labels.
        scale: int. By how much images are reduced for the model: see `named_targets`.
    """
    targets = named_targets(model, scale)
    train, val = (
        distribute_batches(batches.map(targets), model.distribute_strategy)
        for batches in (train, val)
    )
    # Keras names what belongs to the only output without its name.
    prefix = "segmentation_" if len(model.outputs) > 1 else ""
    model.fit(
        train,
        epochs=args.epochs,
        verbose="auto" if worker()[0] == 0 else 0,
        validation_data=val,
        validation_freq=args.val_every,
        callbacks=callbacks(
            args.output,
            f"val_{prefix}mean_iou",
            args.tensorboard,
            keep_backup=True,
            overwrite=args.overwrite,
        ),
        shuffle=False,  # the pipeline does that
    )
