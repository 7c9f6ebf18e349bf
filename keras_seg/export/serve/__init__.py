"""A small model server, to try an exported model without TensorFlow Serving."""

from keras_seg.export.serve.server import Server

__all__ = ["Server"]
