"""Equality to the benchmark's own evaluation code, on the same files."""

import numpy as np
import pytest
from PIL import Image

from keras_seg.data import Cityscapes, write_submission
from keras_seg.inference import evaluate_label_maps
from keras_seg.metrics import measures
from tests.data.published import write_image, write_label

scripts = pytest.importorskip(
    "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling"
)
FRAMES = ("frankfurt_000000_000294", "lindau_000000_000019", "munster_000000_000019")
SIZE = 64, 128
ABSENT = 31, 16  # of train: in no label and in no prediction


@pytest.fixture
def folder(tmp_path):
    """Areas of all label ids, those that are not evaluated included, but trains."""
    rng = np.random.default_rng(0)
    ids = [label_id for label_id in range(34) if label_id != ABSENT[0]]
    for frame in FRAMES:
        city = frame.split("_")[0]
        start = tmp_path / "gtFine" / "val" / city / f"{frame}_gtFine"
        areas = rng.choice(ids, (8, 16)).repeat(8, axis=0).repeat(8, axis=1)
        write_label(start.with_name(f"{start.name}_labelIds.png"), areas)
        write_image(
            tmp_path / "leftImg8bit" / "val" / city / f"{frame}_leftImg8bit.png", SIZE
        )
    return tmp_path


def official(folder, predictions):
    """Returns the official code's results for the predictions in a folder."""
    args = scripts.CArgs()
    args.__dict__.update(scripts.args.__dict__)
    args.predictionPath, args.predictionWalk = str(predictions), None
    args.evalInstLevelScore = args.JSONOutput = False
    args.quiet = True
    labels = [
        str(
            folder / "gtFine/val" / frame.split("_")[0] / f"{frame}_gtFine_labelIds.png"
        )
        for frame in FRAMES
    ]
    files = [scripts.getPrediction(args, label) for label in labels]
    return scripts.evaluateImgLists(files, labels, args)


def assert_equal_to_the_last_digit(result, expected, dataset):
    scores = expected["classScores"]
    ours = result["class_iou"]
    assert np.isnan(ours["train"]) and np.isnan(scores["train"])
    for name in set(dataset.class_names) - {"train"}:
        assert ours[name] == scores[name], name
    # What we have no class for is not evaluated there either.
    others = [scores[name] for name in scores if name not in ours]
    assert np.isnan(others).all()
    assert result["mean_iou"] == expected["averageScoreClasses"]
    assert 0 < result["mean_iou"] < 1
    categories, merged = measures.merge_classes(
        result["confusion_matrix"], dataset.categories
    )
    for name, iou in zip(categories, measures.class_iou(merged), strict=True):
        assert iou == expected["categoryScores"][name], name
    mean = measures.mean_iou(merged)
    assert mean == expected["averageScoreCategories"]


def test_predicted_classes_that_are_submitted_score_as_here(folder, tmp_path):
    dataset = Cityscapes(folder, "val", complete=False)
    rng = np.random.default_rng(1)
    labels = [label for _, label in dataset]
    guesses = rng.choice([x for x in range(19) if x != ABSENT[1]], (3, *SIZE))
    predictions = [
        np.where((rng.random(SIZE) < 0.7) & (label != 255), label, guess)
        for label, guess in zip(labels, guesses, strict=True)
    ]
    write_submission(dataset, predictions, tmp_path / "results")
    expected = official(folder, tmp_path / "results")
    pairs = zip(labels, predictions, strict=True)
    result = evaluate_label_maps(pairs, dataset.class_names, boundaries=False)
    assert_equal_to_the_last_digit(result, expected, dataset)


def test_predictions_of_ids_that_are_not_evaluated(folder, tmp_path):
    """They miss the right class, but are no mistake of another: no class here."""
    dataset = Cityscapes(folder, "val", complete=False)
    rng = np.random.default_rng(1)
    ids = [label_id for label_id in range(34) if label_id != ABSENT[0]]
    class_of_id = np.full(34, 255)
    class_of_id[dataset.submission_values] = np.arange(19)
    predictions = []
    for frame, label_path in zip(FRAMES, dataset.label_paths, strict=True):
        label_ids = np.asarray(Image.open(label_path))
        guess = np.where(rng.random(SIZE) < 0.7, label_ids, rng.choice(ids, SIZE))
        write_label(tmp_path / "results" / f"{frame}_mine.png", guess)
        predictions.append(class_of_id[guess])
    expected = official(folder, tmp_path / "results")
    pairs = zip((label for _, label in dataset), predictions, strict=True)
    result = evaluate_label_maps(pairs, dataset.class_names, boundaries=False)
    assert len(result["confusion_matrix"][0]) == 20
    assert_equal_to_the_last_digit(result, expected, dataset)
