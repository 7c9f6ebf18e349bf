"""Browser page for trained models, served by `keras-seg app`."""

from keras_seg.app.launch import launch
from keras_seg.app.network import Network
from keras_seg.app.open_network import open_network

__all__ = ["Network", "launch", "open_network"]
