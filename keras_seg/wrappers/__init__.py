"""Layers that contain a whole network, and need TensorFlow."""
