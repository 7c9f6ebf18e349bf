"""The command `keras-seg`: one module for each of its subcommands."""

from keras_seg.command.main import main

__all__ = ["main"]
