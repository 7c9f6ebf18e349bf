"""What a trained model predicts, and how well."""

from keras_seg.inference.evaluate import evaluate

__all__ = ["evaluate"]
