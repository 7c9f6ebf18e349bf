import types

import keras
import numpy as np
import pytest
from PIL import Image

from keras_seg.command import main
from keras_seg.data import class_table, default_palette
from keras_seg.inference import predict
from keras_seg.visualization import overlay
from tests.models.networks import cheap_deeplab


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)  # before the fixture that seeds each test
    return cheap_deeplab()


@pytest.fixture
def files(model, tmp_path, monkeypatch):
    """A working directory with a model and images; returns these by name."""
    monkeypatch.chdir(tmp_path)
    model.save("model.keras")
    rng = np.random.default_rng(0)
    (tmp_path / "photos" / "bonn").mkdir(parents=True)
    images = {
        name: rng.integers(0, 256, size, "uint8")
        for name, size in (("a", (33, 47, 3)), ("bonn/b", (20, 30, 3)))
    }
    for name, pixels in images.items():
        Image.fromarray(pixels).save(f"photos/{name}.png")
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return images


def read(path):
    with Image.open(path) as file:
        return np.array(file)


def failing(arguments, capsys, status=1):
    with pytest.raises(SystemExit) as exit:
        main(["predict", *arguments])
    assert exit.value.code == status
    told = capsys.readouterr().err
    return told.removeprefix("photos: skipped files: 1 .txt\n")


def test_folders_become_masks_and_overlays(files, model, capsys):
    options = ["--output", "masks", "--overlays", "overlays", "--alpha", "0.25"]
    main(["predict", "model.keras", "photos", *options])
    told = capsys.readouterr()
    assert told.out == "2 masks in masks\n" and "2/2" in told.err
    assert "photos: skipped files: 1 .txt\n" in told.err
    palette = default_palette(3)
    for name, pixels in files.items():
        expected = predict(model, pixels)
        assert len(np.unique(expected)) > 1
        np.testing.assert_array_equal(read(f"masks/{name}.png"), expected)
        drawn = overlay(pixels, expected, palette, 0.25)
        np.testing.assert_array_equal(read(f"overlays/{name}.png"), drawn)


def test_files_windows_and_classes(files, model, tmp_path):
    (tmp_path / "classes.txt").write_text("a #010203\nb #040506\nc #070809\n")
    options = ["--window", "32", "32", "--scales", "1", "1.5", "--flip"]
    options += ["--output", "masks", "--classes", "classes.txt"]
    main(["predict", "model.keras", "photos/a.png", *options])
    expected = predict(model, files["a"], window=(32, 32), scales=(1, 1.5), flip=True)
    np.testing.assert_array_equal(read("masks/a.png"), expected)
    with Image.open("masks/a.png") as file:
        shown = np.array(file.convert("RGB"))
    _, palette = class_table("classes.txt")
    np.testing.assert_array_equal(shown, palette[expected])


def test_a_preset_has_its_own_colors(files, model, monkeypatch):
    colors = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
    preset = types.SimpleNamespace(class_names=("a", "b", "c"), palette=colors)
    monkeypatch.setattr("keras_seg.models.presets", lambda: {"tiny": preset})
    monkeypatch.setattr("keras_seg.models.from_preset", lambda name: model)
    main(["predict", "tiny", "photos/a.png", "--output", "masks"])
    with Image.open("masks/a.png") as file:
        classes, shown = np.array(file), np.array(file.convert("RGB"))
    np.testing.assert_array_equal(shown, np.array(colors)[classes])


def test_what_cannot_be_read_is_told_and_the_others_segmented(files, tmp_path, capsys):
    (tmp_path / "photos" / "aa.jpg").write_bytes(b"\xff\xd8\xff")
    error = failing(["model.keras", "photos", "--output", "masks"], capsys)
    assert "Cannot read photos/aa.jpg" in error
    masks = {path.name for path in (tmp_path / "masks").rglob("*.png")}
    assert masks == {"a.png", "b.png"}


def test_confidence(files, model):
    main(
        ["predict", "model.keras", "photos"]
        + ["--output", "masks"]
        + ["--confidence", "sure"]
    )
    for name, pixels in files.items():
        classes, probabilities = predict(model, pixels, return_probabilities=True)
        np.testing.assert_array_equal(read(f"masks/{name}.png"), classes)
        expected = 255 * probabilities.max(axis=-1)
        np.testing.assert_allclose(read(f"sure/{name}.png"), expected, atol=0.51)


def test_frames_become_a_video(files, model, tmp_path, capsys):
    av = pytest.importorskip("av")
    frames = tmp_path / "frames"
    frames.mkdir()
    for index in range(3):
        Image.fromarray(files["a"]).save(frames / f"{index}.png")
    main(["predict", "model.keras", "frames", "--output", "out.mp4"])
    assert capsys.readouterr().out == "3 frames in out.mp4\n"
    with av.open("out.mp4") as container:
        assert [x.width for x in container.decode(video=0)] == [48] * 3
    for arguments, words in (
        (["photos", "--output", "a.mp4", "--overlays", "b"], "takes one video"),
        (["out.mp4", "--output", "masks"], "--output must be a video for out.mp4"),
    ):
        assert words in failing(["model.keras", *arguments], capsys, status=2)


@pytest.mark.parametrize("flag", ["--overlays", "--confidence"])
@pytest.mark.parametrize("folder", ["masks", "{here}/masks", "a/../masks", "link"])
def test_masks_need_a_folder_of_their_own(flag, folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "masks")
    other = [flag, folder.format(here=tmp_path)]
    told = failing(["m.keras", "x", "--output", "masks", *other], capsys, status=2)
    assert "must be different folders. Received: masks, " in told


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["model.keras", "none.png"], "no file or folder none.png"),
        (["none.keras", "photos"], "no model file none.keras"),
        (["photos/notes.txt", "photos"], "must be a .keras file"),
        (["bad.keras", "photos"], "Cannot load the model bad.keras"),
        (["model.keras", "empty"], "empty must hold images"),
        (["model.keras", "photos", "photos/a.png"], "Two images of one name"),
        (["model.keras", "twice"], "differ in their suffix only"),
        (["model.keras", "photos", "--output", "photos"], "overwritten"),
        (["model.keras", "photos", "--classes", "camvid"], "11 in 'camvid' for 3"),
        (["model.keras", "photos", "--scales", "0"], "`scales` must be"),
        (["model.keras", "photos", "--window", "0", "9"], "`window` must be"),
    ],
)
def test_what_is_wrong_is_a_message(arguments, words, files, tmp_path, capsys):
    (tmp_path / "bad.keras").write_text("no model")
    (tmp_path / "empty").mkdir()
    (tmp_path / "twice").mkdir()
    for suffix in ("png", "jpg"):
        Image.new("RGB", (4, 4)).save(tmp_path / "twice" / f"a.{suffix}")
    if "--output" not in arguments:
        arguments = [*arguments, "--output", "masks"]
    error = failing(arguments, capsys)
    assert error.startswith("keras-seg: error: ") and words in error
    assert not [*tmp_path.rglob("masks/*")]
    assert read("photos/a.png").shape == (33, 47, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--overlap", "0.5"], "--overlap needs --window"),
        (["--blending", "gaussian"], "--blending needs --window"),
        (["--alpha", "2"], "--alpha must be in 0..1"),
    ],
)
def test_flags_that_do_not_agree_are_a_message(arguments, words, capsys):
    arguments = ["model.keras", "photos", "--output", "masks", *arguments]
    error = failing(arguments, capsys, 2)
    assert error.startswith("keras-seg: error: ") and words in error


def test_an_interruption_has_a_status_of_its_own(files, monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_seg.command.predict.load_model", interrupted)
    error = failing(["model.keras", "photos", "--output", "masks"], capsys, 130)
    assert error == "\nkeras-seg: error: interrupted\n"


def test_an_image_of_a_wrong_size_does_not_stop_the_others(files, capsys):
    pixels = keras.Input((None, None, 3))
    x = keras.layers.MaxPooling2D(2)(pixels)
    x = keras.layers.Add()([pixels, keras.layers.UpSampling2D(2)(x)])
    keras.Model(pixels, x).save("even.keras")
    told = failing(["even.keras", "photos", "--output", "masks"], capsys)
    assert "cannot predict an image of 33 x 47 pixels" in told
    assert read("masks/bonn/b.png").shape == (20, 30)
