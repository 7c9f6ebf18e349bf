"""What this package takes from Keras 3, supplied to Keras 2 beside TensorFlow 2.15.

tensorflow-addons needs Keras 2, and nothing else knows of it: this folder is imported
where `keras.__version__` begins with 2. It gives Keras 2 what it lacks, in the places
where Keras 3 has it, and extends what takes more on Keras 3; what Keras 2 can do, it
does as before. `keras.ops` is that of keras-core, which keras-cv brings along. What is
missing there, or has other dtypes or fewer digits than on Keras 3, is TensorFlow's.

What works so, and what does not, is in docs/guides/addons.md.
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
