"""The command `keras-seg`: one module for each of its commands.

A command is a line in `main.py` and a module with

    SUMMARY, DESCRIPTION, EXAMPLES    what help says of it
    add_arguments(parser)             its flags
    check(args)                       if there is: raises a ValueError for wrong ones
    run(args)                         does the work, and returns a status other than 0

Modules import Keras, TensorFlow and the rest of the package in `run` alone: help and
wrong arguments do not need them, and TensorFlow takes seconds to import.
"""

from keras_seg.command.main import main

__all__ = ["main"]
