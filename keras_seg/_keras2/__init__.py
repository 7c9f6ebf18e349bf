"""Compatibility layer for Keras 2 with TensorFlow 2.15, which tensorflow-addons needs.

This folder is imported only if `keras.__version__` starts with 2. It adds the parts of
the Keras 3 API that the package uses to Keras 2, under their Keras 3 names, and extends
functions that accept more in Keras 3; everything else is unchanged. `keras.ops` comes
from keras-core, a dependency of keras-cv. TensorFlow supplies the ops that keras-core
lacks or computes in other dtypes or with less precision than Keras 3.

Supported features and limitations are listed in docs/guides/addons.md.
"""

from keras_seg._keras2 import (
    config,
    graph,
    layers,
    ops,
    optimizers,
    saving,
    symbolic_tensors,
)

for subject in (symbolic_tensors, ops, config, graph, saving, optimizers, layers):
    subject.install()
