"""A client for models in TensorFlow Serving.

This folder does not import the rest of the package and needs only NumPy, and requests
for REST. Copied next to a program, it works as the package `client`, without Keras or
TensorFlow; therefore it uses relative imports.
"""

from .client import Client
from .serving_error import ServingError

__all__ = ["Client", "ServingError"]
