import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
from PIL import Image

from keras_seg.data import evaluation_pipeline, low_resolution
from keras_seg.export import export_saved_model
from keras_seg.inference import evaluate, evaluation_table, write_evaluation
from keras_seg.models import inference_model
from keras_seg.training import named_targets, worker
from keras_seg.training.replacing import replacing
from keras_seg.visualization import comparison


def report(args, val_set, client, scale=1, best=None):
    """What comes after `fit`: evaluates the best model, exports it and draws images.

    Of several machines the chief does that. At the end the run is finished, and the
    backups in its folder are removed.

    Written are `evaluation.json` and `predictions.png` in the folder of the run, and
    the SavedModel. The pictures are predicted by the exported model in a fresh process.
    The results are printed.

    Args:
        args: what `arguments(...).parse_args()` gives.
        val_set: `SegmentationDataset`.
        client: path of the script that predicts a folder of images with a SavedModel.
        scale: int. By how much images are reduced for the model; what it predicts is of
            their full size.
        best: `keras.Model` to save as the best one, or None where `fit` left it.
    """
    if worker()[0] > 0:
        return
    if best is not None:
        with replacing(args.output / "best.keras") as unfinished:
            best.save(unfinished)
    # Anew, since a model of several machines cannot be evaluated on one.
    best = keras.saving.load_model(args.output / "best.keras", compile=False)
    best = inference_model(best)
    batches = evaluation_pipeline(val_set, args.val_batch_size)
    batches = batches.map(named_targets(best, scale))
    result = evaluate(best, batches, val_set.class_names)
    write_evaluation(result, args.output / "evaluation.json")
    exported = export_saved_model(
        best,
        args.export,
        overwrite=True,
        class_names=val_set.class_names,
        palette=val_set.palette,
    )

    samples = [val_set[i] for i in np.linspace(0, len(val_set) - 1, 4).astype(int)]
    images, labels = zip(*samples, strict=True)
    classes = _predict(client, exported, images, scale, args.output / "samples")
    # Without what is left over where sizes are no multiples of the scale.
    sizes = [mask.shape for mask in classes]
    images, labels = (
        [x[:rows, :columns] for x, (rows, columns) in zip(full, sizes, strict=True)]
        for full in (images, labels)
    )
    picture = args.output / "predictions.png"
    drawn = comparison(images, labels, classes, val_set.palette, val_set.class_names)
    Image.fromarray(drawn).save(picture)

    for backup in [*args.output.rglob("backup")]:
        shutil.rmtree(backup)

    print(f"{evaluation_table(result)}  on {len(val_set)} images")
    print(f"model        {args.output / 'best.keras'}")
    print(f"SavedModel   {exported}")
    print(f"picture      {picture}")


def _predict(client, exported, images, scale, folder):
    """Class maps of some images from the exported model, in a process of its own."""
    sources, targets = folder / "images", folder / "classes"
    for path in (sources, targets):
        path.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        pixels = low_resolution(image[None].astype("float32"), scale)[0]
        pixels = np.round(pixels).astype("uint8")
        Image.fromarray(pixels).save(sources / f"{index}.png")
    command = [sys.executable, pathlib.Path(client), exported, sources, targets]
    subprocess.run(command, check=True)
    return [
        np.asarray(Image.open(targets / f"{index}.png")) for index in range(len(images))
    ]
