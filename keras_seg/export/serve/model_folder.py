import pathlib
import threading

from keras_seg.export.serve.loaded_model import LoadedModel
from keras_seg.export.serve.request_error import RequestError


class ModelFolder:
    """The models below a folder, in TF Serving's layout `<name>/<version>`.

    Of each model the newest version is served, which is looked for with each request:
    one that is exported while the server runs takes over.

    Args:
        path: folder of the models.

    Raises:
        FileNotFoundError: If there is no model in it.

    Example: `ModelFolder("saved_models").model("spnet", version=None)`
    """

    def __init__(self, path):
        self._path = pathlib.Path(path)
        self._loaded = {}
        self._lock = threading.Lock()
        if not self.names():
            raise FileNotFoundError(
                "There must be a model <name>/<version>/saved_model.pb in the folder. "
                f"Received: {self._path}"
            )

    def names(self):
        """Names of the models, sorted."""
        if not self._path.is_dir():
            return []
        folders = [folder for folder in self._path.iterdir() if folder.is_dir()]
        return sorted(folder.name for folder in folders if _versions(folder))

    def model(self, name, version):
        """`LoadedModel`, for a name and a version, or None for the newest.

        Raises:
            RequestError: If there is no such model or version, or if it cannot be
                loaded.
        """
        # Of the names that are there: a name cannot lead out of the folder.
        if name not in self.names():
            raise RequestError(
                "NOT_FOUND", f'There is no model "{name}" but {self.names()}'
            )
        newest = max(_versions(self._path / name))
        if version not in (None, newest):
            raise RequestError(
                "NOT_FOUND",
                f'Of the model "{name}" version {newest} is served, the newest. '
                f"Received: version {version}",
            )
        with self._lock:
            loaded = self._loaded.get(name)
            if loaded is None or loaded.version != newest:
                loaded = self._load(name, newest)
                self._loaded[name] = loaded
            return loaded

    def _load(self, name, version):
        path = self._path / name / str(version)
        try:
            return LoadedModel(name, version, path)
        except Exception as error:  # whatever a damaged file leads to
            raise RequestError(
                "FAILED_PRECONDITION", f"{path} cannot be loaded: {error}"
            ) from error


def _versions(folder):
    return [
        int(version.name)
        for version in folder.iterdir()
        if version.name.isdecimal() and (version / "saved_model.pb").exists()
    ]
