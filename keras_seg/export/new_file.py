from keras_seg.storage.paths import as_path


def require_new_file(path, suffix, overwrite):
    """Returns the path of a file to write; raises an error if it is unsuitable."""
    path = as_path(path)
    if path.suffix != suffix:
        raise ValueError(f"`path` must end in {suffix}. Received: {path}")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"`path` must not exist. Received: {path}, which does. Pass overwrite=True "
            "to replace it."
        )
    return path
