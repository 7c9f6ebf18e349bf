import os
import sys


def end_on_error():
    """Makes an uncaught error end the process at once, with status 1.

    For training on several machines. After one of them has failed, TensorFlow may wait
    forever for it while the interpreter shuts down. The process therefore exits without
    shutting down once the error is printed; functions registered with `atexit` do not
    run.

    Example:
        Call `end_on_error()` once in each process.
    """
    hook = sys.excepthook

    def print_and_leave(*error):
        hook(*error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    sys.excepthook = print_and_leave
