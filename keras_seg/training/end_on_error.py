import os
import sys


def end_on_error():
    """Lets an error that nothing catches end the process at once, with status 1.

    For processes of several machines: when one of these has failed, the error ends the
    script, but TensorFlow may then wait for the lost machine while the interpreter
    shuts down, for ever. So after the error is printed the process is left without
    shutting down: what is registered with `atexit` does not run.

    Example: `end_on_error()`, once per process
    """
    hook = sys.excepthook

    def print_and_leave(*error):
        hook(*error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    sys.excepthook = print_and_leave
