"""`python -m keras_seg`, the same as the command `keras-seg`."""

from keras_seg.command import main

if __name__ == "__main__":
    main()
