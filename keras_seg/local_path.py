import pathlib


def local_path(path):
    """Returns a `pathlib.Path`, in the home folder if the path begins with `~/`.

    Shells leave the `~` of `--flag=~/folder` as it is.
    """
    path = pathlib.Path(path)
    return path.expanduser() if path.parts[:1] == ("~",) else path
