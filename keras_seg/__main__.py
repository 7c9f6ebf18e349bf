"""Runs the command `keras-seg` as `python -m keras_seg`."""

from keras_seg.command import main

if __name__ == "__main__":
    main()
