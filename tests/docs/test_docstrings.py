"""The examples in the docstrings run, and show the values that they state.

An example is fenced Python or code between backticks. It may use what every reader of
the page has at hand: the public names, NumPy, Keras and TensorFlow, a network and some
data, which `namespace` defines, and the files that `folder` holds. What needs more is
in `LEFT_OUT`. Values are compared where code is followed by a comment that is a literal
or, in a sentence, by "is", "returns" or "has shape" and a literal.
"""

import ast
import importlib
import inspect
import re
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_seg
from keras_seg.ops import xla
from tests.paths import ROOT

PACKAGES = [name for name in keras_seg.__all__ if not hasattr(keras_seg.ops, name)]
SECTIONS = "Args|Attributes|Input shape|Output shape|Returns|Yields|Raises|References?"
EXAMPLE = re.compile(
    rf"^Examples?:\n(.*?)(?=^(?:{SECTIONS}):$|\Z)", re.MULTILINE | re.DOTALL
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(
    r"`([^`]+)`(?:\s+(is|returns|has\s(?:the\s)?shape)\s+`([^`]+)`)?", re.DOTALL
)
DATA_SET, ANNOTATIONS = "a published data set", "annotations of objects"
CHECKPOINT, OWN = "a checkpoint of the authors", "a class or network of the user"
STORAGE, VIDEO = "a bucket of Google Cloud", "a video"
DEVICES = "several devices, for which tests/scale is"
LEFT_OUT = {
    "data.ADE20K": DATA_SET,
    "data.BDD100K": DATA_SET,
    "data.Cityscapes": DATA_SET,
    "data.PascalContext": DATA_SET,
    "data.PascalVOC": DATA_SET,
    "data.TFDSDataset": DATA_SET,
    "data.write_submission": DATA_SET,
    "data.PyDatasetSamples": OWN,
    "data.labels_from_coco": ANNOTATIONS,
    "data.labels_from_labelme": ANNOTATIONS,
    "data.pack": STORAGE,
    "data.PackedDataset": STORAGE,
    "checkpoints.convert": CHECKPOINT,
    "checkpoints.load_torch_weights": CHECKPOINT,
    "checkpoints.read_torch_file": CHECKPOINT,
    "checkpoints.released_model": CHECKPOINT,
    "visualization.segment_video": VIDEO,
    "models.dual_super_resolution": OWN,
    "training.MultiWorkerStrategy": DEVICES,
    "training.distribute_batches": DEVICES,
    "training.mirrored_strategy": DEVICES,
}


def example_of(docstring):
    """The text of the section "Example", which may be empty."""
    found = EXAMPLE.search(inspect.cleandoc(docstring or ""))
    return textwrap.dedent(found.group(1)).strip() if found else ""


def snippets(example):
    """The (Python code, stated value or None) of an example, in its order."""
    fenced = FENCE.findall(example)
    for language, code in fenced:
        if language == "python":
            yield from statements(code)
    for code, relation, value in INLINE.findall(FENCE.sub("", example)):
        code = " ".join(code.split())
        shape = relation.endswith("shape")
        yield f"({code}).shape" if shape else code, value or None


def statements(code):
    """The (statement, text of the comment behind it or None) of a block."""
    lines = code.splitlines()
    for node in ast.parse(code).body:
        source = "\n".join(lines[node.lineno - 1 : node.end_lineno])
        if not isinstance(node, ast.Expr):
            # Decorators begin above the line of the function.
            yield ast.unparse(node), None
            continue
        behind = lines[node.end_lineno - 1][node.end_col_offset :]
        below = "".join(lines[node.end_lineno : node.end_lineno + 1])
        comment = behind if "#" in behind else below
        stated = comment.strip().removeprefix("#") if "#" in comment else None
        yield source, stated


def stated_value(text):
    """The value of a literal, or None for any other text."""
    if text is None or "..." in text:
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return None


def documented():
    """The names `package.name` and examples of all public objects and their methods."""
    for package in PACKAGES:
        module = importlib.import_module(f"keras_seg.{package}")
        for name in module.__all__:
            target = getattr(module, name)
            members = vars(target).items() if inspect.isclass(target) else ()
            yield f"{package}.{name}", example_of(getattr(target, "__doc__", None))
            for key, member in members:
                if callable(member) and not key.startswith("_"):
                    yield f"{package}.{name}.{key}", example_of(member.__doc__)


EXAMPLES = {name: example for name, example in documented() if example}


def test_every_example_compiles():
    """Those of private functions too, which are not run."""
    count = 0
    for path in sorted((ROOT / "keras_seg").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                for code, _ in snippets(example_of(ast.get_docstring(node))):
                    compile(code, f"{path}: {node.name}", "exec")
                    count += 1
    assert count > 300


def test_few_examples_are_left_out():
    assert LEFT_OUT.keys() <= EXAMPLES.keys()
    assert len(LEFT_OUT) < len(EXAMPLES) / 7


@pytest.fixture(scope="module")
def namespace():
    """The names that examples use without a definition."""
    data = keras_seg.data.StreetScenes(24, (64, 96))
    image, _ = data[0]
    names = {"keras_seg": keras_seg, "keras": keras, "np": np, "tf": tf}
    for package in PACKAGES:
        module = importlib.import_module(f"keras_seg.{package}")
        names.update({name: getattr(module, name) for name in module.__all__})
    return {
        **names,
        "model": keras_seg.models.DeepLabV3Plus(9, "resnet10", 16, filters=16),
        "loss": keras_seg.losses.SegmentationCrossentropy(),
        "images": image[None],
        "image": image,
        **dict.fromkeys(("data", "dataset", "train", "val"), data),
        "batches": keras_seg.data.evaluation_pipeline(data, 4).take(2),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory, namespace):
    """A folder with the files that examples open."""
    folder = tmp_path_factory.mktemp("examples")
    image = namespace["image"]
    values = np.uint8([[7, 26], [26, 7]]).repeat(32, axis=0).repeat(48, axis=1)
    colors = np.where(values[..., None] == 7, (128, 64, 128), (0, 0, 142))
    pictures = {
        **dict.fromkeys(("street.jpg", "a.jpg", "b.jpg", "b.png"), image),
        "images/a.png": image,
        "sensor.tiff": np.full((64, 96), 4095, "uint16"),
        **dict.fromkeys(("a.png", "labels/a.png", "classes.png"), values),
        "colors.png": colors.astype("uint8"),
        **dict.fromkeys(("masks/road/a.png", "masks/wet/a.png"), values // 26 * 255),
    }
    for name in ("camvid", "CamVid"):
        for split in ("train", "val"):
            pictures[f"{name}/{split}/a.png"] = image
            pictures[f"{name}/{split}annot/a.png"] = values % 7
    for name, pixels in pictures.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)
    (folder / "train.txt").write_text("images/a.png labels/a.png")
    for name in ("best.keras", "runs/spnet/best.keras", "runs/camvid/best.keras"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        namespace["model"].save(folder / name)
    return folder


@pytest.mark.slow
@pytest.mark.keras3("the docs are of Keras 3")
@pytest.mark.parametrize("name", [name for name in EXAMPLES if name not in LEFT_OUT])
def test_example(name, folder, namespace, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(xla, "_enabled", None)  # which an example changes
    package = importlib.import_module(f"keras_seg.{name.split('.')[0]}")
    own = {key: getattr(package, key) for key in package.__all__}
    names = {**namespace, **own}
    metric = keras_seg.metrics.MeanIoU(9)
    names["model"].compile("sgd", names["loss"], metrics=[metric])
    for code, text in snippets(EXAMPLES[name]):
        expected = stated_value(text)
        if expected is None:
            exec(compile(code, name, "exec"), names)
        else:
            value = eval(compile(code, name, "eval"), names)
            assert agree(value, expected), f"{code} is {value}, not {expected}"


def agree(value, expected):
    """Returns whether a value equals the stated one, whose numbers may be rounded."""
    if hasattr(value, "rank") or isinstance(value, dict | list | str | tuple):
        return value == expected  # shapes of TensorFlow have a rank
    return np.allclose(keras.ops.convert_to_numpy(value), expected, atol=0.005)
