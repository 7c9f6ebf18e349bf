from keras_seg.data import open_splits


def data_sets(args):
    """The images to train on, and those to validate on.

    Args:
        args: what `arguments(...).parse_args()` gives.

    Returns:
        Pair of `SegmentationDataset`.

    Raises:
        SystemExit: If a data set needs `--data-dir` and there is none.
    """
    if args.data != "scenes" and args.data_dir is None:
        raise SystemExit(f"--data {args.data} needs --data-dir")
    return open_splits(
        args.data, args.data_dir, args.scenes, args.image_size, args.seed
    )
