"""Measures the evaluation of one class map, here and in cityscapesscripts.

Run:    python -m benchmarks.evaluation     # needs keras-seg[test]

The label is a procedural street of 1024 x 2048 pixels. The predicted class maps are the
label displaced by some pixels ("areas"), the same with 2 % of the pixels of a random
class ("spotted"), and random classes ("noise"). Times are the best of several runs in
milliseconds, on one core:

- official, counting: `evaluatePair` of cityscapesscripts without `evalInstLevelScore`,
  which computes the confusion matrix only;
- official, default: the same with its default settings, including scores per instance,
  which need a mask of the image for each instance;
- ours: `keras_seg.metrics.confusion_matrix`, and `BoundaryF1` in a column of its own.

Times exclude reading: the official function reads its files, which are uncompressed
here, so the time to read them is subtracted. The official code is the Python version
unless its Cython extension is installed, which the PyPI package does not include.
"""

import pathlib
import tempfile
import time

import numpy as np
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as official
from PIL import Image

from keras_seg.data import StreetScenes
from keras_seg.metrics import BoundaryF1, confusion_matrix

SIZE = 1024, 2048
# Cityscapes ids of the classes of the street scenes, and the value of ignored pixels.
IDS = np.array([23, 11, 7, 8, 21, 17, 20, 26, 24])
VOID = 255
REPEATS = 7


def main():
    if not hasattr(np, "in1d"):  # removed in NumPy 2.4
        np.in1d = np.isin
    _, labels = StreetScenes(1, SIZE)[0]
    print(f"NumPy {np.__version__}; Cython extension: {official.CSUPPORT}")
    print(f"{'':10}{'official':>10}{'':>10}{'ours':>10}{'':>13}{'faster':>10}")
    print(
        f"{'':10}{'counting':>10}{'default':>10}{'counting':>10}{'boundary F1':>13}"
        f"{'counting':>10}{'default':>10}"
    )
    for name, classes in predictions(labels).items():
        counting, default = time_official(labels, classes)
        ours = best_of(lambda c=classes: confusion_matrix(labels, c, len(IDS)))
        boundary = best_of(lambda c=classes: BoundaryF1(len(IDS)).add(labels, c), 3)
        print(
            f"{name:10}{counting:10.2f}{default:10.2f}{ours:10.2f}{boundary:13.0f}"
            f"{counting / ours:10.1f}{default / ours:10.1f}",
            flush=True,
        )


def predictions(labels):
    rng = np.random.default_rng(0)
    areas = np.roll(labels, (3, 5), axis=(0, 1))
    areas[areas == VOID] = 0
    noise = rng.integers(0, len(IDS), SIZE).astype("uint8")
    spotted = np.where(rng.random(SIZE) < 0.02, noise, areas)
    return {"areas": areas, "spotted": spotted, "noise": noise}


def time_official(labels, classes):
    """Returns milliseconds without and with scores per instance; reading excluded."""
    ids = np.append(IDS, 0)
    label_ids = ids[np.where(labels == VOID, len(IDS), labels)].astype("uint8")
    # The instances are cars and people split into columns of 64 pixels.
    columns = np.arange(SIZE[1]) // 64
    instances = np.where(label_ids >= 24, 1000 * label_ids.astype("uint16"), 0)
    instances = np.where(instances > 0, instances + columns, label_ids)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        files = [str(folder / f"{x}.tif") for x in ("pred", "labelIds", "instanceIds")]
        pictures = ids[classes].astype("uint8"), label_ids, instances.astype("uint16")
        for file, picture in zip(files, pictures, strict=True):
            Image.fromarray(picture).save(file)
        args = official.CArgs()
        args.__dict__.update(official.args.__dict__)
        matrix = official.generateMatrix(args)
        statistics = official.generateInstanceStats(args)
        for args.evalInstLevelScore in (False, True):
            read = files if args.evalInstLevelScore else files[:2]
            whole = best_of(
                lambda: official.evaluatePair(*files[:2], matrix, statistics, {}, args)
            )
            reading = best_of(lambda r=read: [np.array(Image.open(x)) for x in r])
            times.append(whole - reading)
    return times


def best_of(function, repeats=REPEATS):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


if __name__ == "__main__":
    main()
