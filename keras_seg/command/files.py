"""Reading of the files that the subcommands take: models and images."""

import pathlib
import re
import sys


def load_model(path):
    """Loads a model from a .keras file, or a preset by its name.

    Args:
        path: path of the file, or with the name of a preset.

    Raises:
        FileNotFoundError: If there is neither such a file nor such a preset.
        ValueError: If the file is not a model that can be loaded.
    """
    import keras

    from keras_seg.models import from_preset, presets
    from keras_seg.models.functional_model import functional_model

    known = presets()
    if _is_preset(path):
        return from_preset(str(path))
    if path.is_dir():
        raise FileNotFoundError(
            f"The model must be a .keras file, such as {path / 'best.keras'}. Received "
            f"the folder {path}"
        )
    if not path.is_file() and not path.suffix and known:
        raise FileNotFoundError(
            f"There is no model file {path}, and no preset of this name. Presets: "
            f"{', '.join(known)}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no model file {path}")
    if path.suffix != ".keras":
        raise ValueError(f"The model must be a .keras file. Received: {path}")
    try:
        return functional_model(keras.saving.load_model(path, compile=False))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"Cannot load the model {path}: {error}") from error


def model_classes(path, classes=None):
    """Returns the names and colors of a model's classes, or `(None, None)`.

    Args:
        path: path of the model file, or with the name of a preset, which has its own
            names and colors.
        classes: str, what `--classes` names, which takes precedence; or None.

    Returns:
        The names, a tuple of str, and the colors, uint8 `(num_classes, 3)`. Files of
        models contain neither.
    """
    import numpy as np

    from keras_seg.data import class_table
    from keras_seg.models import presets

    if classes is not None:
        return class_table(classes)
    if not _is_preset(path):
        return None, None
    preset = presets()[str(path)]
    return preset.class_names, np.array(preset.palette, "uint8")


def _is_preset(path):
    """Returns whether a path is the name of a preset, and not a file."""
    from keras_seg.models import presets

    return str(path) in presets() and not path.exists()


def save_figure(figure, path):
    """Writes a matplotlib `Figure` to an image file, PNG unless the suffix differs."""
    from keras_seg.storage.replacing import replacing

    with replacing(path) as unfinished:
        figure.savefig(unfinished, format=path.suffix[1:] or "png")


def reading_error(error):
    """Returns the message of an error that occurred when a pipeline read an image.

    Args:
        error: `tf.errors.OpError`, in whose message TensorFlow describes its own
            operations first.
    """
    line = error.message.splitlines()[0]
    found = re.search(r"\b[A-Z]\w*Error: (.*)", line)
    return found[1] if found else line


def image_files(sources):
    """Lists image files and folders, with a name for the result of each image.

    Files with other suffixes in a folder are skipped and counted on the standard error.

    Args:
        sources: paths of image files, and of folders, which are searched recursively.

    Returns:
        dict `{name: path}` with the path of each image; the name is its path relative
        to the source, without suffix.

    Raises:
        FileNotFoundError: If a source does not exist.
        ValueError: If a folder has no images, or if two images would have the same
            result.
    """
    from keras_seg.data.find_files import (
        IMAGE_SUFFIXES,
        find_files,
        other_suffixes,
    )

    files = {}
    for source in sources:
        if source.is_dir():
            found = find_files(source, IMAGE_SUFFIXES)
            if not found:
                raise ValueError(
                    f"{source} must hold images: files that end in "
                    f"{', '.join(IMAGE_SUFFIXES)}"
                )
            others = other_suffixes(source, IMAGE_SUFFIXES)
            if others:
                kinds = ", ".join(
                    f"{count} {suffix or 'without a suffix'}"
                    for suffix, count in sorted(others.items())
                )
                print(f"{source}: skipped files: {kinds}", file=sys.stderr)
            named = {path.relative_to(source).with_suffix(""): path for path in found}
            if len(named) < len(found):
                repeated = sorted(set(found) - set(named.values()))
                raise ValueError(
                    "Two images that differ in their suffix only would have one "
                    f"result. Received: {repeated[0]} and another of its name"
                )
        elif source.exists():
            named = {pathlib.Path(source.stem): source}
        else:
            raise FileNotFoundError(f"There is no file or folder {source}")
        for name, path in named.items():
            if name in files:
                raise ValueError(
                    "Two images of one name would have one result. Received: "
                    f"{files[name]} and {path}"
                )
            files[name] = path
    return files
