import argparse
import importlib
import sys
import traceback

import keras_seg
from keras_seg.command.start_tensorflow import start_tensorflow

# Each is a module of this package: see there.
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
    """Runs `keras-seg`; what is wrong becomes a message, without a traceback.

    Args:
        arguments: list of str, or None for those of the process.

    Raises:
        SystemExit: With status 2 for wrong arguments, which are found before TensorFlow
            is imported, 1 for what is wrong with files and values, and 130 where the
            user interrupts.
    """
    args = _parser().parse_args(arguments)
    try:
        args.check(args)
    except ValueError as error:
        args.parser.error(str(error))
    try:
        start_tensorflow(args.verbose)
        status = args.run(args)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        if args.verbose:
            traceback.print_exc()
        print_error(error)
        status = 1
    except KeyboardInterrupt:
        print_error("interrupted")
        status = 130
    if status:
        sys.exit(status)


def print_error(message):
    """Prints an error as all of them look."""
    print(f"keras-seg: error: {message}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        print_error(message)
        self.exit(2, f"See {self.prog} --help.\n")


def _parser():
    parser = _Parser(
        prog="keras-seg",
        description="Semantic segmentation with SPNet, HANet, CPNet and DSRL in Keras.",
        epilog="`keras-seg <command> --help` tells more of each.",
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
    """Adds the parser of a command, or of a part of one, which a module describes."""
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
        return  # it has added commands of its own
    check = getattr(command, "check", lambda args: None)
    parser.set_defaults(run=command.run, check=check, parser=parser)
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="show what TensorFlow logs, and where an error comes from",
    )
