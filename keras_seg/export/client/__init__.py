"""A client for models in TensorFlow Serving.

This folder imports nothing of the rest of the package, and needs NumPy and requests for
REST: copied beside a program it works as the package `client`, without Keras or
TensorFlow.
So its files refer to each other relatively.
"""

from .client import Client
from .serving_error import ServingError

__all__ = ["Client", "ServingError"]
