"""The command `keras-seg`: one module for each of its commands.

A command is a line in `main.py` and a module with

    SUMMARY, DESCRIPTION, EXAMPLES    its help texts
    add_arguments(parser)             adds its flags
    check(args)                       optional; raises a ValueError for invalid flags
    run(args)                         does the work; returns an exit status or None

Modules import Keras, TensorFlow and the rest of the package only in `run`: help and
argument errors do not need them, and TensorFlow takes seconds to import.
"""

from keras_seg.command.main import main

__all__ = ["main"]
