"""Renderer of the procedural street scenes."""
