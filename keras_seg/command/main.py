import argparse
import logging

import keras_seg
from keras_seg.command import convert, evaluate, export, info, palette, predict

# Each has `add_parser(subparsers)`, which returns the parser, and `run(args)`, which
# returns the status where it is not 0.
_COMMANDS = (predict, evaluate, export, info, palette, convert)


def main(arguments=None):
    """Runs `keras-seg`; what is wrong with the files becomes a message and status 1.

    Args:
        arguments: list of str, or None for those of the process.

    Raises:
        SystemExit: With status 1 for what is wrong with files and values, 2 for wrong
            arguments, 130 where the user interrupts.
    """
    parser = argparse.ArgumentParser(
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
    for command in _COMMANDS:
        command_parser = command.add_parser(subparsers)
        command_parser.set_defaults(run=command.run, parser=command_parser)
    args = parser.parse_args(arguments)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        status = args.run(args)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        args.parser.exit(1, f"{args.parser.prog}: {error}\n")
    except KeyboardInterrupt:
        args.parser.exit(130, f"{args.parser.prog}: interrupted\n")
    if status:
        args.parser.exit(status)
