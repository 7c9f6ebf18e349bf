import contextlib


@contextlib.contextmanager
def reading_errors(name):
    """Converts the errors of decoders into a `ValueError` that names the file."""
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise  # these already name the file
    except ImportError as error:
        raise ImportError(f"Cannot read {name}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"Cannot read {name}: {reason}") from error
