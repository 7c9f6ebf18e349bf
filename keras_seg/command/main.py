import argparse

import keras_seg
from keras_seg.command import convert

# Each has `add_parser(subparsers)`, which returns the parser, and `run(args)`.
_COMMANDS = (convert,)


def main(arguments=None):
    """Runs `keras-seg`; what is wrong with the files becomes a message and status 1.

    Args:
        arguments: list of str, or None for those of the process.
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
    try:
        args.run(args)
    except (OSError, ValueError) as error:
        args.parser.exit(1, f"{args.parser.prog}: {error}\n")
