import argparse
import contextlib
import importlib
import sys
import traceback
import warnings

import keras_seg
from keras_seg.command.flags import check_locations
from keras_seg.command.start_tensorflow import start_tensorflow

# Each command is a module of this package.
_COMMANDS = (
    "train",
    "predict",
    "evaluate",
    "export",
    "info",
    "draw",
    "palette",
    "labels",
    "pack",
    "convert",
    "app",
)


def main(arguments=None):
    """Runs `keras-seg`; errors are printed as messages without a traceback.

    Args:
        arguments: list of str, or None for those of the process.

    Raises:
        SystemExit: With status 2 for invalid arguments, which are detected before
            TensorFlow is imported; 1 for errors in files and values; 130 if the user
            interrupts.
    """
    args = _parser().parse_args(arguments)
    try:
        args.check(args)
    except ValueError as error:
        args.parser.error(str(error))
    try:
        start_tensorflow(args.verbose)
        check_locations(args)  # before data and models are read
        with _plain_warnings(args.verbose):
            status = args.run(args)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        if args.verbose:
            traceback.print_exc()
        print_error(error)
        status = 1
    except KeyboardInterrupt:
        print(file=sys.stderr)  # below a progress bar
        print_error("interrupted")
        status = 130
    if status:
        sys.exit(status)


def print_error(message):
    """Prints an error message to the standard error."""
    print(f"keras-seg: error: {message}", file=sys.stderr)


@contextlib.contextmanager
def _plain_warnings(verbose):
    """Shows warnings as messages, without the line of code that gives them."""
    form = warnings.formatwarning
    if not verbose:
        warnings.formatwarning = lambda text, *_, **__: f"keras-seg: warning: {text}\n"
    try:
        yield
    finally:
        warnings.formatwarning = form


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        print_error(message)
        self.exit(2, f"See {self.prog} --help.\n")


def _parser():
    parser = _Parser(
        prog="keras-seg",
        description="Semantic segmentation with SPNet, HANet, CPNet and DSRL in Keras.",
        epilog="Run `keras-seg <command> --help` for details of a command.",
    )
    parser.add_argument(
        "--version", action="version", version=f"%(prog)s {keras_seg.__version__}"
    )
    subparsers = parser.add_subparsers(
        title="commands", metavar="<command>", required=True
    )
    for name in _COMMANDS:
        add_command(subparsers, name, f"keras_seg.command.{name}")
    return parser


def add_command(subparsers, name, module):
    """Adds the parser of the command, or subcommand, that a module defines."""
    command = importlib.import_module(module)
    parser = subparsers.add_parser(
        name,
        help=command.SUMMARY,
        description=command.DESCRIPTION,
        epilog=command.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    if not hasattr(command, "run"):
        return  # the module added subcommands instead
    check = getattr(command, "check", lambda args: None)
    parser.set_defaults(run=command.run, check=check, parser=parser)
    parser.add_argument(
        "--verbose",
        action="store_true",
        default=False,  # also where a command suppresses the defaults of its flags
        help="show TensorFlow's log and the traceback of an error",
    )
