from keras_seg.training import callbacks, named_targets


def fit(args, model, train, val, scale=1):
    """Trains a compiled model; the best one stays in `best.keras` of the run's folder.

    Args:
        args: what `arguments(...).parse_args()` gives.
        model: compiled `keras.Model` with the metric `MeanIoU` on "segmentation".
        train: `tf.data.Dataset` of images and labels.
        val: `tf.data.Dataset` of images and labels.
        scale: int. By how much images are reduced for the model: see `named_targets`.
    """
    targets = named_targets(model, scale)
    model.fit(
        train.map(targets),
        epochs=args.epochs,
        validation_data=val.map(targets),
        validation_freq=args.val_every,
        callbacks=callbacks(
            args.output, model, "val_segmentation_mean_iou", args.tensorboard
        ),
        shuffle=False,  # the pipeline does that
    )
