"""Picture files as stored: depth, channels and orientation from the file header."""

from keras_seg.data._pictures.open_picture import MAX_PIXELS, open_picture

__all__ = ["MAX_PIXELS", "open_picture"]
