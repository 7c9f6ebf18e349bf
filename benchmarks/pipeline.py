"""Measures the training pipeline in images per second, beside PyTorch's DataLoader.

    python -m benchmarks.pipeline --data camvid --data-dir CamVid
    python -m benchmarks.pipeline    # 200 procedural scenes, as files

Each row reads, augments and batches the training images, with random scales, crops,
flips, brightness, contrast, saturation and hue. "files" decodes the images in every
pass, "packed" reads them from the TFRecord files of `keras_seg.data.pack`, and "memory"
keeps them decoded. "cold" is a pass after the files have left the page cache, "warm"
one with the files in it. PyTorch's rows need torch with albumentations or torchvision,
and are left out if these are not installed. Rows take turns, and the best pass of each
row counts. All rows run with glibc's memory settings of the training scripts, which
workers inherit, or with its defaults, as PyTorch does (`--default-memory`).
"""

import argparse
import contextlib
import os
import pathlib
import tempfile
import time

with contextlib.suppress(ImportError):
    import torchvision  # noqa: F401 - it crashes if TensorFlow is imported first

import numpy as np
from PIL import Image

from keras_seg.allocator import keep_freed_memory
from keras_seg.data import (
    Augmentation,
    ImageFolder,
    PackedDataset,
    StreetScenes,
    pack,
    training_pipeline,
)
from keras_seg.data.open_split import DATA_SETS, open_split

BATCH = 8
AMOUNTS = {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.02}


def main(args):
    if not args.default_memory:
        keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        if args.data == "scenes":
            dataset = scenes_as_files(folder)
        else:
            dataset = open_split(args.data, "train", args.data_dir)
        pack(dataset, folder / "packed")
        packed = PackedDataset(folder / "packed")
        files = [*dataset.image_paths, *dataset.label_paths]
        records = [*(folder / "packed").iterdir()]

        crop = tuple(args.crop)
        # The function of a pass, and the files that it reads.
        rows = {
            "keras_seg, files": (of_keras_seg(dataset, crop, False), files),
            "keras_seg, packed": (of_keras_seg(packed, crop, False), records),
            "keras_seg, memory": (of_keras_seg(dataset, crop, True), []),
        }
        for cached in (False, True):
            where = "memory" if cached else "files"
            for peer, pass_of in peers(dataset, crop, cached, args.workers):
                name = f"PyTorch, {peer}, {args.workers} workers, {where}"
                rows[name] = pass_of, [] if cached else files
        for run, _ in rows.values():
            run()  # a warm-up
        rates = {name: {"cold": 0.0, "warm": 0.0} for name in rows}
        for _ in range(args.passes):
            for name, (run, read) in rows.items():
                for state in ("cold", "warm") if read else ("warm",):
                    if state == "cold":
                        drop_from_page_cache(read)
                    start = time.perf_counter()
                    rate = run() / (time.perf_counter() - start)
                    rates[name][state] = max(rates[name][state], rate)
    print(f"{'images/s':48}     cold     warm")
    for name, rate in rates.items():
        cold = f"{rate['cold']:8.0f}" if rate["cold"] else f"{'':8}"
        print(f"{name:48} {cold} {rate['warm']:8.0f}")


def drop_from_page_cache(paths):
    """Makes the next pass read files from the disk."""
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())  # only written pages can be dropped
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def scenes_as_files(folder):
    """Returns 200 procedural scenes of CamVid's size as an `ImageFolder`."""
    for name in ("images", "labels"):
        (folder / name).mkdir()
    scenes = StreetScenes(200, (360, 480))
    for index, (image, label) in enumerate(scenes):
        Image.fromarray(image).save(folder / "images" / f"{index}.png")
        Image.fromarray(label).save(folder / "labels" / f"{index}.png")
    return ImageFolder(folder / "images", folder / "labels", scenes.class_names)


def of_keras_seg(dataset, crop, cached):
    """Returns a function that does a pass and returns the number of its images."""
    batches = training_pipeline(
        dataset, BATCH, Augmentation(crop, **AMOUNTS), cache=cached
    )
    return lambda: sum(len(labels) for _, labels in batches)


def peers(dataset, crop, cached, workers):
    """Yields the name and the pass function of each peer that is installed."""
    for name, transform in (
        ("albumentations", albumentations_transform),
        ("torchvision", torchvision_transform),
    ):
        try:
            yield name, torch_pass(dataset, transform(crop), cached, workers)
        except (ImportError, RuntimeError) as error:  # mismatched builds: RuntimeError
            print(f"without {name}: {error}")


def torch_pass(dataset, transform, cached, workers):
    from torch.utils.data import DataLoader, Dataset

    class Samples(Dataset):
        def __init__(self):
            self.kept = [dataset[i] for i in range(len(dataset))] if cached else None

        def __len__(self):
            return len(dataset)

        def __getitem__(self, index):
            image, label = self.kept[index] if cached else dataset[index]
            return transform(image, label)

    loader = DataLoader(
        Samples(), BATCH, shuffle=True, num_workers=workers, drop_last=True
    )
    return lambda: sum(len(labels) for _, labels in loader)


def albumentations_transform(crop):
    import albumentations

    a = albumentations
    steps = [
        a.RandomScale((-0.5, 1.0), p=1),
        a.PadIfNeeded(*crop, fill_mask=255),
        a.RandomCrop(*crop),
        a.HorizontalFlip(),
        a.ColorJitter(
            brightness=(0.8, 1.2),
            contrast=(0.8, 1.2),
            saturation=(0.8, 1.2),
            hue=0.02,
            p=1,
        ),
    ]
    transform = a.Compose(steps)

    def run(image, label):
        moved = transform(image=image, mask=label)
        pixels = np.ascontiguousarray(moved["image"].transpose(2, 0, 1), "float32")
        return pixels, moved["mask"].astype("int64")

    return run


def torchvision_transform(crop):
    import torch
    from torchvision import tv_tensors
    from torchvision.transforms import v2

    fill = {tv_tensors.Mask: 255, "others": 0}
    steps = [
        v2.ScaleJitter(crop, (0.5, 2.0)),
        v2.RandomCrop(crop, pad_if_needed=True, fill=fill),
        v2.RandomHorizontalFlip(),
        v2.ColorJitter(0.2, 0.2, 0.2, 0.02),
        v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}),
    ]
    transform = v2.Compose(steps)

    def run(image, label):
        image = tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1))
        return transform(image, tv_tensors.Mask(torch.from_numpy(label)))

    return run


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=DATA_SETS, default="scenes")
    parser.add_argument("--data-dir", type=pathlib.Path)
    parser.add_argument("--crop", type=int, nargs=2, default=(240, 320))
    parser.add_argument("--workers", type=int, default=2, help="of the DataLoader")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--default-memory", action="store_true")
    main(parser.parse_args())
