import pathlib


def require_new_file(path, suffix, overwrite):
    """The path of a file to write, or an error where it is another's or there."""
    path = pathlib.Path(path)
    if path.suffix != suffix:
        raise ValueError(f"`path` must end in {suffix}. Received: {path}")
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"There is something at `path` already: {path}. Pass overwrite=True to "
            "replace it."
        )
    return path
