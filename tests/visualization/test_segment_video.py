import struct

import numpy as np
import pytest
from PIL import Image

from keras_seg.visualization import overlay, segment_video

av = pytest.importorskip("av")

PALETTE = np.uint8([[255, 0, 0], [0, 0, 255]])


def frame(index, height=47, width=64):
    """Gray, with a bright left part that grows."""
    image = np.full((height, width, 3), 40, "uint8")
    image[:, : 8 * (index + 1)] = 200
    return image


def classes(image):
    return np.uint8(image[..., 0] > 120)


def read(path):
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        return [x.to_ndarray(format="rgb24") for x in container.decode(video=0)], rate


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(12):
        Image.fromarray(frame(index % 7)).save(folder / f"f{index}.png")
    return folder


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi"])
def test_a_folder_of_frames(folder, tmp_path, suffix):
    output = tmp_path / f"out.{suffix}"
    assert segment_video(classes, folder, output, PALETTE, verbose=0) == 12
    pictures, rate = read(output)
    assert rate == 25 and len(pictures) == 12
    assert pictures[0].shape == (48, 64, 3)
    for index, picture in enumerate(pictures):  # in the order of their numbers
        image = frame(index % 7)
        expected = overlay(image, classes(image), PALETTE)
        difference = np.abs(picture[:47].astype(int) - expected)
        assert difference.mean() < 8
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [output.name]


def test_a_video_keeps_its_rate(folder, tmp_path, capsys):
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    rate = {"frames_per_second": 12.5}
    segment_video(classes, folder, first, PALETTE, alpha=0, verbose=0, **rate)
    assert segment_video(classes, first, second, PALETTE, alpha=0) == 12
    pictures, rate = read(second)
    assert rate == 12.5 and len(pictures) == 12
    assert np.abs(pictures[3][:47].astype(int) - frame(3)).mean() < 4
    told = capsys.readouterr()
    assert "12/12" in told.err and not told.out


def turned(path):
    """States in an MP4 file that its frames are shown turned clockwise, as phones do.

    The matrix of the track header maps a pixel (x, y) to (height - y, x).
    """
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    one = 1 << 16
    matrix = struct.pack(">9i", 0, one, 0, -one, 0, 0, 47 * one, 0, 1 << 30)
    content[place : place + len(matrix)] = matrix
    path.write_bytes(content)


def test_frames_are_turned_as_the_file_says(folder, tmp_path):
    """A phone held upright stores lying frames and how to turn them."""
    source, output = tmp_path / "phone.mp4", tmp_path / "upright.mp4"
    segment_video(classes, folder, source, PALETTE, alpha=0, verbose=0)
    turned(source)
    seen = []

    def label_map(image):
        seen.append(image)
        return classes(image)

    segment_video(label_map, source, output, PALETTE, alpha=0, verbose=0)
    upright = np.rot90(frame(3), -1)  # the bright left part is at the top
    assert seen[3].shape == (64, 48, 3)
    assert np.abs(seen[3][:, 1:].astype(int) - upright).mean() < 4
    assert np.abs(read(output)[0][3][:, 1:].astype(int) - upright).mean() < 4


def test_rejects(folder, tmp_path):
    output = tmp_path / "out.mp4"
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty").mkdir()
    for source, error, words in (
        (tmp_path / "none.mp4", FileNotFoundError, "no file or folder"),
        (tmp_path / "text.mp4", ValueError, "must be a video"),
        (tmp_path / "empty", ValueError, "holds no frames"),
    ):
        with pytest.raises(error, match=words):
            segment_video(classes, source, output, PALETTE)
    with pytest.raises(ValueError, match="must end in .mp4, .*Received: .*out.txt"):
        segment_video(classes, folder, tmp_path / "out.txt", PALETTE)
    for rate in (0, -3, float("nan")):
        with pytest.raises(ValueError, match="`frames_per_second` must be a positive"):
            segment_video(classes, folder, output, PALETTE, frames_per_second=rate)
    with pytest.raises(FileNotFoundError, match="no folder"):
        segment_video(classes, folder, tmp_path / "no" / "out.mp4", PALETTE)
    Image.fromarray(frame(0, 20, 20)).save(folder / "f99.png")
    with pytest.raises(ValueError, match="one size. Received 48x64 and 20x20"):
        segment_video(classes, folder, output, PALETTE, verbose=0)
    assert not [*tmp_path.glob("*.partial*"), *tmp_path.glob("out*")]


def test_names_the_extra(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'keras-seg\[video\]'"):
        segment_video(classes, folder, tmp_path / "out.mp4", PALETTE)


def test_paths_in_the_home_folder(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    segment_video(classes, "~/frames", "~/out.mp4", PALETTE, verbose=0)
    assert (tmp_path / "out.mp4").is_file()


def test_digits_that_are_no_numbers(folder, tmp_path):
    renamed = folder.rename(tmp_path / "10m²")
    output = tmp_path / "out.mp4"
    assert segment_video(classes, renamed, output, PALETTE, verbose=0) == 12
