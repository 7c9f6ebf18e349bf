"""Picture files as they are: depth, channels and orientation by what the file says."""

from keras_seg.data._pictures.open_picture import MAX_PIXELS, open_picture

__all__ = ["MAX_PIXELS", "open_picture"]
